/** The transition function: a run, a signal → the next run, the new events, the effects. */
import { execute, waited } from "./execute.ts";
import { cancelAll, childFailed, childSucceeded } from "./fanout.ts";
import type { Failure } from "./failure.ts";
import { guard, interpreterFailure } from "./guard.ts";
import { exceedsBytes } from "./json.ts";
import { exceedsVariables } from "./limits.ts";
import { HistoryFull, Live, NOT_TRUNCATED } from "./live.ts";
import type { Machine } from "./compiled.ts";
import { PAYLOAD_BYTES_MAX, tooLarge, type Outcome } from "./outcome.ts";
import { beat, taskFailed, taskStarted, taskSubmitted, taskSucceeded, taskTimedOut } from "./task.ts";
import { mapRunFailed, mapRunSucceeded } from "./mapRun.ts";
import { beginAgain, revive } from "./redrive.ts";
import { mapRunWaiter, resume, taskWaiter, timerWaiter } from "./resume.ts";
import type { Ended, Facts, Run, Signal, Thread, Transition } from "./types.ts";

const EVENT_BUDGET = 1000;
const MACHINE_TIMER = "execution";

/** Starts a run (`run` is null and the signal is `start`) or carries it on. The given run is not changed. */
export function step(machine: Machine, run: Run | null, signal: Signal, facts: Facts): Transition {
  if (run === null) {
    if (signal.kind !== "start") throw new Error("the first signal of a run is start");
    return start(machine, signal, facts);
  }
  if (signal.kind === "redrive") return redrive(machine, run, facts);
  if (run.status !== "RUNNING" || signal.kind === "start") return { run, events: [], effects: [], stale: true };
  const live = resume(machine, facts, run);
  try {
    if (!receive(live, signal)) return { run, events: [], effects: [...live.effects], stale: true };
    drive(live);
  } catch (error) {
    historyFull(live, error);
  }
  return transition(live);
}

function redrive(machine: Machine, run: Run, facts: Facts): Transition {
  if (run.status === "RUNNING" || run.status === "SUCCEEDED") return { run, events: [], effects: [], stale: true };
  const live = revive(machine, facts, run);
  try {
    beginAgain(live);
    drive(live);
  } catch (error) {
    historyFull(live, error);
  }
  return transition(live);
}

function start(machine: Machine, signal: Extract<Signal, { kind: "start" }>, facts: Facts): Transition {
  const { input } = signal;
  const root: Thread = { state: machine.startAt, input, enteredId: 0, enteredTime: 0, lastId: 0 };
  const deadline = machine.timeoutSeconds === undefined ? undefined : facts.now + machine.timeoutSeconds * 1000;
  const { redriveCount = 0, ...execution } = signal.execution;
  const live = new Live(machine, facts, {
    execution: { ...execution, redriveCount, input },
    stateMachine: signal.stateMachine,
    lastEventId: 0,
    root,
    ...(deadline !== undefined && { deadline }),
  });
  live.emit(root, "ExecutionStarted", "executionStartedEventDetails", {
    input,
    inputDetails: NOT_TRUNCATED,
    roleArn: execution.roleArn,
    ...(signal.stateMachineVersionArn !== undefined && { stateMachineVersionArn: signal.stateMachineVersionArn }),
    ...(signal.stateMachineAliasArn !== undefined && { stateMachineAliasArn: signal.stateMachineAliasArn }),
  });
  // The first StateEntered points at 0, not at ExecutionStarted.
  root.lastId = 0;
  if (deadline !== undefined) live.effects.push({ kind: "timer", id: MACHINE_TIMER, at: deadline });
  live.ready.push(root);
  try {
    drive(live);
  } catch (error) {
    historyFull(live, error);
  }
  return transition(live);
}

/** Lets the ready threads go on in turn, until all wait, the execution has ended, or the budget is used up. */
function drive(live: Live): void {
  const budget = live.facts.eventBudget ?? EVENT_BUDGET;
  while (live.events.length < budget) {
    const thread = live.ready.shift();
    if (thread === undefined) return;
    settle(
      live,
      thread,
      attempt(live, thread, () => execute(live, thread)),
    );
  }
}

/** Turns what the evaluation of a state's fields throws into a failure of the state. */
function attempt(live: Live, thread: Thread, work: () => Outcome): Outcome {
  try {
    return work();
  } catch (thrown) {
    return { kind: "failed", failure: interpreterFailure(live, thread, thrown) };
  }
}

/** Follows an outcome upwards: to the next state, the parent's state, the end of the execution. */
function settle(live: Live, from: Thread, outcome: Outcome): void {
  let thread = from;
  let next = outcome;
  while (next.kind !== "blocked") {
    if (next.kind === "exit" && exceedsBytes(next.output.text, PAYLOAD_BYTES_MAX))
      next = { kind: "failed", failure: tooLarge(thread.state) };
    else if (next.kind === "exit" && next.assigned !== undefined && exceedsVariables(live, thread, next.assigned))
      next = { kind: "failed", failure: tooLarge(thread.state) };
    if (next.kind === "failed" && next.failure.terminal === undefined) next = guard(live, thread, next.failure);
    if (next.kind === "blocked") return;
    const parent = live.parentOf(thread);
    if (next.kind === "failed") {
      if (next.failure.terminal !== undefined) return broken(live, thread, next.failure);
      if (parent === undefined) return executionFailed(live, thread, next.failure);
      next = childFailed(live, thread, parent, next.failure);
    } else {
      leave(live, thread, next);
      if (next.next !== undefined) return live.moveTo(thread, next.next, next.output);
      if (parent === undefined) return executionSucceeded(live, thread, next.output.text);
      const { output } = next;
      const child = thread;
      next = attempt(live, parent.thread, () => childSucceeded(live, child, parent, output));
    }
    thread = parent.thread;
  }
}

function leave(live: Live, thread: Thread, exit: Extract<Outcome, { kind: "exit" }>): void {
  const { kind, name } = live.state(thread);
  const details = { name, output: exit.output.text, outputDetails: NOT_TRUNCATED };
  if (exit.assigned !== undefined && Object.keys(exit.assigned).length > 0) {
    thread.variables = { ...thread.variables, ...exit.assigned };
    Object.assign(details, { assignedVariables: exit.assigned, assignedVariablesDetails: NOT_TRUNCATED });
  }
  live.emit(thread, `${kind}StateExited`, "stateExitedEventDetails", details);
}

function executionSucceeded(live: Live, thread: Thread, output: string): void {
  const details = { output, outputDetails: NOT_TRUNCATED };
  live.end("ExecutionSucceeded", thread.lastId, "executionSucceededEventDetails", details, {
    status: "SUCCEEDED",
    output,
  });
  cancelMachineTimer(live);
}

function executionFailed(
  live: Live,
  thread: Thread,
  { error, cause }: { error?: string | undefined; cause?: string | undefined },
): void {
  const details = { ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) };
  live.end("ExecutionFailed", thread.lastId, "executionFailedEventDetails", details, { status: "FAILED", ...details });
  cancelMachineTimer(live);
}

/** States.Runtime ends the execution where it happens: no Map, Parallel or sibling around it says a word. */
function broken(live: Live, thread: Thread, failure: Failure): void {
  cancelAll(live, live.root);
  executionFailed(live, thread, failure);
}

function cancelMachineTimer(live: Live): void {
  if (live.deadline !== undefined) live.cancelTimer(MACHINE_TIMER);
}

/** The execution ends from outside: nothing more is said of its states. */
function endFromOutside(
  live: Live,
  type: "ExecutionAborted" | "ExecutionTimedOut",
  details: object,
  ended: Ended,
): void {
  cancelAll(live, live.root);
  const key = type === "ExecutionAborted" ? "executionAbortedEventDetails" : "executionTimedOutEventDetails";
  live.end(type, 0, key, details, ended);
  if (type === "ExecutionAborted") cancelMachineTimer(live);
}

function historyFull(live: Live, error: unknown): void {
  if (!(error instanceof HistoryFull)) throw error;
  cancelAll(live, live.root);
  const cause = "The execution reached the maximum number of history events (25000).";
  const previous = Math.max(0, live.lastEventId);
  live.end(
    "ExecutionFailed",
    previous,
    "executionFailedEventDetails",
    { error: "States.Runtime", cause },
    { status: "FAILED", error: "States.Runtime", cause },
  );
  cancelMachineTimer(live);
}

/** Takes a signal; false if nothing waits for it. */
function receive(live: Live, signal: Exclude<Signal, { kind: "start" | "redrive" }>): boolean {
  switch (signal.kind) {
    case "continue":
      return live.ready.length > 0;
    case "stop": {
      const details = {
        ...(signal.error !== undefined && { error: signal.error }),
        ...(signal.cause !== undefined && { cause: signal.cause }),
      };
      endFromOutside(live, "ExecutionAborted", details, { status: "ABORTED", ...details });
      return true;
    }
    case "timer":
      return receiveTimer(live, signal.id);
    case "mapRunSucceeded":
    case "mapRunFailed":
      return receiveMapRun(live, signal);
    default:
      return receiveTask(live, signal);
  }
}

function receiveTask(live: Live, signal: Extract<Signal, { token: string }>): boolean {
  const waiter = taskWaiter(live, signal.token);
  if (waiter === undefined) return false;
  const { thread, state, work } = waiter;
  if (signal.kind === "taskStarted") taskStarted(live, thread, state, work, signal.workerName);
  else if (signal.kind === "taskSubmitted") taskSubmitted(live, thread, state, work, signal.output);
  else if (signal.kind === "heartbeat") beat(live, work);
  else if (signal.kind === "taskSucceeded")
    settle(
      live,
      thread,
      attempt(live, thread, () => taskSucceeded(live, thread, state, work, signal.output)),
    );
  else
    settle(
      live,
      thread,
      taskFailed(live, thread, state, work, { error: signal.error, cause: signal.cause }, signal.phase ?? "Failed"),
    );
  return true;
}

function receiveMapRun(live: Live, signal: Extract<Signal, { mapRunArn: string }>): boolean {
  const waiter = mapRunWaiter(live, signal.mapRunArn);
  if (waiter === undefined) return false;
  const { thread, state } = waiter;
  const outcome =
    signal.kind === "mapRunFailed"
      ? mapRunFailed(live, thread, signal)
      : attempt(live, thread, () => mapRunSucceeded(live, thread, state, signal.output));
  settle(live, thread, outcome);
  return true;
}

function receiveTimer(live: Live, id: string): boolean {
  const { now } = live.facts;
  if (id === MACHINE_TIMER) {
    if (live.deadline === undefined || now < live.deadline) return tooEarly(live, id, live.deadline);
    endFromOutside(live, "ExecutionTimedOut", { error: "States.Timeout" }, { status: "TIMED_OUT" });
    return true;
  }
  const waiter = timerWaiter(live, id);
  if (waiter === undefined) return false;
  const { thread, at } = waiter;
  if (now < at) return tooEarly(live, id, at);
  const state = live.state(thread);
  const { work } = thread;
  if (work?.kind === "task" && state.kind === "Task") {
    settle(live, thread, taskTimedOut(live, thread, state, work, id.startsWith("heartbeat:")));
    return true;
  }
  delete thread.work;
  if (state.kind === "Wait")
    settle(
      live,
      thread,
      attempt(live, thread, () => waited(live, thread, state)),
    );
  else live.ready.push(thread);
  return true;
}

/** A timer that was moved: ask again for its new time. */
function tooEarly(live: Live, id: string, at: number | undefined): false {
  if (at !== undefined) live.effects.push({ kind: "timer", id, at });
  return false;
}

function transition(live: Live): Transition {
  const { ended } = live;
  const run: Run = {
    status: ended?.status ?? "RUNNING",
    execution: live.execution,
    stateMachine: live.stateMachine,
    lastEventId: live.lastEventId,
    root: live.root,
    ...(live.deadline !== undefined && { deadline: live.deadline }),
  };
  return {
    run,
    events: live.events,
    effects: live.effects,
    ...(ended !== undefined && { ended }),
    ...(ended === undefined && live.ready.length > 0 && { more: true as const }),
  };
}
