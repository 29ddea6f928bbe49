/** One state at a time: what it does when a thread comes to it. */
import { startMap, startParallel } from "./fanout.ts";
import { runtime } from "./failure.ts";
import type { Datum } from "./json.ts";
import { NOT_TRUNCATED, type Live } from "./live.ts";
import type { Assign, ChoiceState, Finish, State, WaitState } from "./compiled.ts";
import { BLOCKED, type Outcome } from "./outcome.ts";
import type { Scope } from "./scope.ts";
import { scheduleTask } from "./task.ts";
import type { Thread } from "./types.ts";

/** Enters the thread's state, unless it is there already (a retry), and executes it. */
export function execute(live: Live, thread: Thread): Outcome {
  const state = live.state(thread);
  if (thread.enteredId === 0) {
    thread.enteredTime = live.facts.now;
    const details = { name: state.name, input: thread.input, inputDetails: NOT_TRUNCATED };
    thread.enteredId = live.emit(thread, ENTERED[state.kind], "stateEnteredEventDetails", details);
  }
  switch (state.kind) {
    case "Pass": {
      const scope = live.scope(thread);
      return finish(state, scope, state.result ?? state.input(scope));
    }
    case "Succeed":
      return { kind: "exit", output: state.output(live.scope(thread)), next: undefined, assigned: undefined };
    case "Fail": {
      const scope = live.scope(thread);
      return { kind: "failed", failure: { error: state.error?.(scope), cause: state.cause?.(scope) } };
    }
    case "Choice":
      return choose(state, live.scope(thread));
    case "Wait":
      return wait(live, thread, state);
    case "Task":
      return scheduleTask(live, thread, state);
    case "Parallel":
      return startParallel(live, thread, state);
    case "Map":
      return startMap(live, thread, state);
  }
}

const ENTERED: { readonly [kind in State["kind"]]: string } = {
  Pass: "PassStateEntered",
  Succeed: "SucceedStateEntered",
  Fail: "FailStateEntered",
  Choice: "ChoiceStateEntered",
  Wait: "WaitStateEntered",
  Task: "TaskStateEntered",
  Parallel: "ParallelStateEntered",
  Map: "MapStateEntered",
};

type Finishing = { readonly output: Finish; readonly next?: string; readonly assign?: Assign };

/** Output and Assign of a state, both from the values at its entry. */
export function finish(state: Finishing, scope: Scope, result: Datum): Outcome {
  return {
    kind: "exit",
    output: state.output(scope, result),
    next: state.next,
    assigned: state.assign?.(scope, result),
  };
}

function choose(state: ChoiceState, scope: Scope): Outcome {
  const input = state.input(scope);
  const rule = state.rules.find(({ condition }) => condition(input.value, scope));
  if (rule !== undefined) {
    const output = (rule.output ?? state.output)(scope, input);
    return { kind: "exit", output, next: rule.next, assigned: rule.assign?.(scope, input) };
  }
  if (state.next === undefined) {
    throw runtime("Failed to transition out of the state. The state does not point to a next state.");
  }
  return finish(state, scope, input);
}

function wait(live: Live, thread: Thread, state: WaitState): Outcome {
  const scope = live.scope(thread);
  const at = state.until(scope, state.input(scope), live.facts.now);
  if (at <= live.facts.now) return waited(live, thread, state);
  const timer = `wait:${thread.enteredId}`;
  thread.work = { kind: "wait", timer, at };
  live.effects.push({ kind: "timer", id: timer, at });
  return BLOCKED;
}

/** The time of a Wait has come. */
export function waited(live: Live, thread: Thread, state: WaitState): Outcome {
  const scope = live.scope(thread);
  return finish(state, scope, state.input(scope));
}
