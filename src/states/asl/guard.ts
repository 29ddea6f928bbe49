/** Retry and Catch. */
import { matches, QueryFailure, runtime, StateFailure, type Failure } from "./failure.ts";
import { Datum } from "./json.ts";
import type { Live } from "./live.ts";
import type { GuardedState, Retrier } from "./compiled.ts";
import { BLOCKED, type Outcome } from "./outcome.ts";
import type { Thread } from "./types.ts";

/** What Retry and Catch make of a failure; a failed outcome means that the thread fails. */
export function guard(live: Live, thread: Thread, failure: Failure): Outcome {
  const state = live.state(thread);
  if (state.kind !== "Task" && state.kind !== "Parallel" && state.kind !== "Map") return { kind: "failed", failure };
  if (retry(live, thread, state, failure)) return BLOCKED;
  if (state.kind !== "Task") live.emit(thread, `${state.kind}StateFailed`);
  const catcher = state.catchers.find(({ errorEquals }) => matches(errorEquals, failure));
  if (catcher === undefined) return { kind: "failed", failure };
  const error = Datum.of({ Error: failure.error ?? null, Cause: failure.cause ?? null });
  const scope = live.scope(thread);
  try {
    const output = catcher.output(scope, error);
    return { kind: "exit", output, next: catcher.next, assigned: catcher.assign?.(scope, error) };
  } catch (thrown) {
    // An error within a catcher is not caught by any catcher of the same state.
    return { kind: "failed", failure: interpreterFailure(live, thread, thrown) };
  }
}

/** Each retrier has its own counter; the first that takes the error decides. */
function retry(live: Live, thread: Thread, state: GuardedState, failure: Failure): boolean {
  const index = state.retry.findIndex(({ errorEquals }) => matches(errorEquals, failure));
  const retrier = state.retry[index];
  if (retrier === undefined) return false;
  const counters = thread.retries ?? state.retry.map(() => 0);
  const attempt = counters[index] ?? 0;
  if (attempt >= retrier.maxAttempts) return false;
  thread.retries = counters.with(index, attempt + 1);
  thread.retryCount = (thread.retryCount ?? 0) + 1;
  const at = live.facts.now + Math.round(delaySeconds(retrier, attempt, live.facts.random) * 1000);
  const timer = `retry:${live.lastEventId}`;
  thread.work = { kind: "retry", timer, at };
  delete thread.failed;
  live.effects.push({ kind: "timer", id: timer, at });
  return true;
}

/** The pause before the attempt after `attempt` retries. */
export function delaySeconds(retrier: Retrier, attempt: number, random: () => number): number {
  const delay = Math.min(
    retrier.intervalSeconds * retrier.backoffRate ** attempt,
    retrier.maxDelaySeconds ?? LONGEST_SECONDS,
  );
  return retrier.fullJitter ? random() * delay : delay;
}

/** One year: no execution lives longer. */
const LONGEST_SECONDS = 31_622_400;

/** Data may be nested so deeply that walking it exhausts the stack; that is the data's fault. */
const TOO_DEEP = runtime("The data is nested too deeply.");

/** The failure of a field's evaluation, in AWS's words; anything else than a StateFailure is a bug and goes on. */
export function interpreterFailure(live: Live, thread: Thread, thrown: unknown): Failure {
  const failure = thrown instanceof RangeError && /call stack/.test(thrown.message) ? TOO_DEEP : thrown;
  if (!(failure instanceof StateFailure)) throw failure;
  const where = `An error occurred while executing the state '${thread.state}' (entered at the event id #${thread.enteredId}).`;
  const { error } = failure;
  const cause = `${where} ${failure.message}`;
  if (failure instanceof QueryFailure) {
    const { location, when } = failure;
    // AWS lets the event point past the state's Entered event where both were made at once.
    if (when === "early" && thread.lastId === thread.enteredId) {
      const entered = live.events.find(({ id }) => id === thread.enteredId);
      thread.lastId = entered?.previousEventId ?? thread.lastId;
    }
    live.emit(thread, "EvaluationFailed", "evaluationFailedEventDetails", {
      error,
      cause,
      ...(location !== undefined && { location }),
      state: thread.state,
    });
  }
  return error === "States.Runtime" ? { error, cause, terminal: true } : { error, cause };
}
