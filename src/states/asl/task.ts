/** Tasks: schedule, start, submit, heartbeat, succeed, fail, time out; each with the events of its kind of resource. */
import type { Failure } from "./failure.ts";
import { finish } from "./execute.ts";
import { Datum, exceedsBytes } from "./json.ts";
import { NOT_TRUNCATED, type Live } from "./live.ts";
import type { Resource, TaskState } from "./compiled.ts";
import { BLOCKED, PAYLOAD_BYTES_MAX, tooLarge, type Outcome } from "./outcome.ts";
import type { Signal, Thread, Work } from "./types.ts";

type TaskWork = Extract<Work, { kind: "task" }>;

const PREFIX = { lambda: "LambdaFunction", activity: "Activity", service: "Task" } as const;
const DETAILS = { lambda: "lambdaFunction", activity: "activity", service: "task" } as const;

/** Writes Scheduled and asks the caller for the task. */
export function scheduleTask(live: Live, thread: Thread, state: TaskState): Outcome {
  const { facts } = live;
  const scheduledEventId = live.lastEventId + 1;
  const resource = state.resource.arn;
  const token = facts.token?.({ stateName: state.name, scheduledEventId, resource }) ?? facts.uuid();
  const scope = live.scope(thread, token);
  const input = state.input(scope);
  if (exceedsBytes(input.text, PAYLOAD_BYTES_MAX)) return { kind: "failed", failure: tooLarge(state.name) };
  const effective = state.effective(scope);
  const timeoutSeconds = state.timeoutSeconds?.(scope, effective);
  const heartbeatSeconds = state.heartbeatSeconds?.(scope, effective);
  const roleArn = state.roleArn?.(scope, effective);
  const limits = {
    ...(timeoutSeconds !== undefined && { timeoutInSeconds: timeoutSeconds }),
    ...(heartbeatSeconds !== undefined && { heartbeatInSeconds: heartbeatSeconds }),
    ...(roleArn !== undefined && { taskCredentials: { roleArn } }),
  };
  emitScheduled(live, thread, state.resource, input.text, limits);
  const work: TaskWork = {
    kind: "task",
    token,
    scheduledId: scheduledEventId,
    resource,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(heartbeatSeconds !== undefined && { heartbeatSeconds }),
  };
  thread.work = work;
  live.effects.push({
    kind: "task",
    token,
    stateName: state.name,
    resource,
    parameters: input.text,
    scheduledEventId,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(heartbeatSeconds !== undefined && { heartbeatSeconds }),
    ...(roleArn !== undefined && { roleArn }),
    retryCount: thread.retryCount ?? 0,
  });
  // The clock of an activity starts when a worker takes it.
  if (state.resource.kind !== "activity") armTimers(live, work);
  return BLOCKED;
}

function emitScheduled(live: Live, thread: Thread, resource: Resource, text: string, limits: object): void {
  const region = live.execution.id.split(":")[3] ?? "";
  const details =
    resource.kind === "service"
      ? { parameters: text, region, resource: resource.action, resourceType: resource.type, ...limits }
      : { input: text, inputDetails: NOT_TRUNCATED, resource: resource.arn, ...limits };
  live.emit(thread, `${PREFIX[resource.kind]}Scheduled`, `${DETAILS[resource.kind]}ScheduledEventDetails`, details);
}

function armTimers(live: Live, work: TaskWork): void {
  if (work.timeoutSeconds !== undefined) {
    work.timeoutAt = live.facts.now + work.timeoutSeconds * 1000;
    live.effects.push({ kind: "timer", id: `timeout:${work.scheduledId}`, at: work.timeoutAt });
  }
  beat(live, work);
}

/** Each heartbeat starts the clock anew. */
export function beat(live: Live, work: TaskWork): void {
  if (work.heartbeatSeconds === undefined) return;
  work.heartbeatAt = live.facts.now + work.heartbeatSeconds * 1000;
  live.effects.push({ kind: "timer", id: `heartbeat:${work.scheduledId}`, at: work.heartbeatAt });
}

/** Writes Started, once. */
export function taskStarted(live: Live, thread: Thread, state: TaskState, work: TaskWork, workerName?: string): void {
  if (work.started === true) return;
  work.started = true;
  const { resource } = state;
  if (resource.kind === "service") {
    live.emit(thread, "TaskStarted", "taskStartedEventDetails", {
      resource: resource.action,
      resourceType: resource.type,
    });
  } else if (resource.kind === "activity") {
    live.emit(thread, "ActivityStarted", "activityStartedEventDetails", workerName === undefined ? {} : { workerName });
    armTimers(live, work);
  } else {
    live.emit(thread, "LambdaFunctionStarted");
  }
}

export function taskSubmitted(live: Live, thread: Thread, state: TaskState, work: TaskWork, output: string): void {
  taskStarted(live, thread, state, work);
  if (state.resource.kind !== "service") return;
  live.emit(thread, "TaskSubmitted", "taskSubmittedEventDetails", {
    output,
    outputDetails: NOT_TRUNCATED,
    ...named(state.resource),
  });
}

export function taskSucceeded(live: Live, thread: Thread, state: TaskState, work: TaskWork, output: string): Outcome {
  if (exceedsBytes(output, PAYLOAD_BYTES_MAX)) {
    const failure = tooLarge(state.resource.kind === "service" ? state.resource.type : state.name);
    return taskFailed(live, thread, state, work, failure, "Failed");
  }
  taskStarted(live, thread, state, work);
  disarm(live, thread, work);
  const { kind } = state.resource;
  const details = { output, outputDetails: NOT_TRUNCATED, ...named(state.resource) };
  live.emit(thread, `${PREFIX[kind]}Succeeded`, `${DETAILS[kind]}SucceededEventDetails`, details);
  return finish(state, live.scope(thread, work.token), Datum.ofText(output));
}

type Phase = NonNullable<Extract<Signal, { kind: "taskFailed" }>["phase"]>;

/** Not every kind of resource has an event for every phase; the nearest one that AWS has speaks for it. */
function phaseOf(kind: Resource["kind"], phase: Phase): Phase {
  if (kind === "service") return phase === "ScheduleFailed" ? "StartFailed" : phase;
  if (kind === "lambda") return phase === "SubmitFailed" ? "Failed" : phase;
  return phase === "ScheduleFailed" ? phase : "Failed";
}

export function taskFailed(
  live: Live,
  thread: Thread,
  state: TaskState,
  work: TaskWork,
  failure: Failure,
  wanted: Phase,
): Outcome {
  const { kind } = state.resource;
  const phase = phaseOf(kind, wanted);
  if (phase === "Failed" || phase === "SubmitFailed") taskStarted(live, thread, state, work);
  disarm(live, thread, work);
  live.emit(
    thread,
    `${PREFIX[kind]}${phase}`,
    `${DETAILS[kind]}${phase}EventDetails`,
    failureDetails(state.resource, failure),
  );
  return { kind: "failed", failure };
}

export function taskTimedOut(
  live: Live,
  thread: Thread,
  state: TaskState,
  work: TaskWork,
  heartbeat: boolean,
): Outcome {
  const { kind } = state.resource;
  if (kind !== "activity") taskStarted(live, thread, state, work);
  const failure: Failure = { error: "States.Timeout", ...(heartbeat && { alias: "States.HeartbeatTimeout" }) };
  cancelTask(live, thread, work);
  live.emit(
    thread,
    `${PREFIX[kind]}TimedOut`,
    `${DETAILS[kind]}TimedOutEventDetails`,
    failureDetails(state.resource, failure),
  );
  return { kind: "failed", failure };
}

/** Nobody waits for the task's answer any more. */
export function cancelTask(live: Live, thread: Thread, work: TaskWork): void {
  disarm(live, thread, work);
  live.effects.push({
    kind: "cancelTask",
    token: work.token,
    stateName: thread.state,
    resource: work.resource,
    scheduledEventId: work.scheduledId,
  });
}

function disarm(live: Live, thread: Thread, work: TaskWork): void {
  if (work.timeoutAt !== undefined) live.cancelTimer(`timeout:${work.scheduledId}`);
  if (work.heartbeatAt !== undefined) live.cancelTimer(`heartbeat:${work.scheduledId}`);
  delete thread.work;
}

function named(resource: Resource): object {
  return resource.kind === "service" ? { resource: resource.action, resourceType: resource.type } : {};
}

function failureDetails(resource: Resource, failure: Failure): object {
  return {
    ...(failure.error !== undefined && { error: failure.error }),
    ...(failure.cause !== undefined && { cause: failure.cause }),
    ...named(resource),
  };
}
