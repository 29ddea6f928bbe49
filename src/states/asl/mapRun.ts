/** A Map in the mode DISTRIBUTED, as the execution that waits for its run sees it. */
import type { DistributedMap, MapState } from "./compiled.ts";
import { finish } from "./execute.ts";
import { Datum, parseJson, printJson } from "./json.ts";
import type { Live } from "./live.ts";
import { BLOCKED, tooLarge, type Outcome } from "./outcome.ts";
import type { Scope } from "./scope.ts";
import type { StoredScope, Thread, Work } from "./types.ts";

/** Evaluates the state's fields, and asks for a run. */
export function startMapRun(live: Live, thread: Thread, state: MapState, distributed: DistributedMap): Outcome {
  const scope = live.scope(thread);
  const length = distributed.dataSet?.(scope).length;
  live.emit(thread, "MapStateStarted", "mapStateStartedEventDetails", { length: length ?? 0 });
  const plan = distributed.plan(scope);
  const mapRunArn = mapRunArnOf(live, plan.label);
  live.emit(thread, "MapRunStarted", "mapRunStartedEventDetails", { mapRunArn });
  thread.work = { kind: "mapRun", mapRunArn };
  live.effects.push({
    kind: "mapRun",
    mapRunArn,
    stateName: state.name,
    plan,
    ...(length !== undefined && { length }),
    scope: {
      stateName: state.name,
      input: thread.input,
      context: printJson(scope.context()),
      variables: live.visibleVariables(thread),
    },
  });
  return BLOCKED;
}

export function mapRunSucceeded(live: Live, thread: Thread, state: MapState, output: string | undefined): Outcome {
  const started = thread.lastId;
  live.emit(thread, "MapRunSucceeded");
  delete thread.work;
  if (output === undefined) return { kind: "failed", failure: tooLarge(state.name) };
  live.emit(thread, "MapStateSucceeded", undefined, undefined, "leaf");
  // MapStateExited points at MapRunSucceeded in AWS's recordings up to June 2024, at MapRunStarted in all of JSONata states
  // and in the few of JSONPath states since January 2025.
  if (state.distributed?.language === "JSONata") thread.lastId = started;
  return finish(state, live.scope(thread), Datum.ofText(output));
}

export function mapRunFailed(live: Live, thread: Thread, failure: { error: string; cause: string }): Outcome {
  live.emit(thread, "MapRunFailed", "mapRunFailedEventDetails", { error: failure.error, cause: failure.cause });
  keepForRedrive(thread);
  return { kind: "failed", failure };
}

/** Nobody waits for the run any more. */
export function abortMapRun(live: Live, thread: Thread, mapRunArn: string): void {
  if (live.hasRoom) live.emit(thread, "MapRunAborted", undefined, undefined, "leaf");
  live.effects.push({ kind: "cancelMapRun", mapRunArn });
  keepForRedrive(thread);
}

function keepForRedrive(thread: Thread): void {
  if (thread.work !== undefined) thread.failed = thread.work;
  delete thread.work;
}

/** The run goes on with the execution. */
export function mapRunRedriven(live: Live, thread: Thread, work: Extract<Work, { kind: "mapRun" }>): void {
  const { mapRunArn } = work;
  const redriveCount = (work.redriveCount ?? 0) + 1;
  live.emit(thread, "MapRunRedriven", "mapRunRedrivenEventDetails", { mapRunArn, redriveCount });
  thread.work = { kind: "mapRun", mapRunArn, redriveCount };
  live.effects.push({ kind: "redriveMapRun", mapRunArn });
}

/** What the fields of the state saw at its entry. */
export function scopeFrom(stored: StoredScope, chance: Pick<Scope, "random" | "uuid" | "now">): Scope {
  const context = parseJson(stored.context) as ReturnType<Scope["context"]>;
  return {
    stateName: stored.stateName,
    input: Datum.ofText(stored.input),
    context: () => context,
    variable: (name) =>
      Object.hasOwn(stored.variables, name) ? parseJson(stored.variables[name] ?? "null") : undefined,
    ...chance,
  };
}

/** `arn:aws:states:R:A:mapRun:<machine>/<label>:<uuid>`; the run belongs to the machine also where a child starts it. */
function mapRunArnOf(live: Live, label: string): string {
  const [machine = ""] = live.stateMachine.id.replace(":stateMachine:", ":mapRun:").split("/");
  return `${machine}/${label}:${live.facts.uuid()}`;
}
