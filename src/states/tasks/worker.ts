import type { Parts } from "../../flow.ts";
import { DONE, type EffectWorker } from "../../relay/relay.ts";
import { StoreUnavailable } from "../../store/store.ts";
import { LONG_CALL } from "../effects.ts";
import type { Executions, TaskWork } from "../executions.ts";
import { startNested } from "./nestedStart.ts";
import { perform, type Performed } from "./perform.ts";
import { targetOf } from "./target.ts";

/** A task that fails for a reason that is no AWS fault is tried this often before the execution hears of it. */
const MOST_ATTEMPTS = 5;

/**
 * Works `states.task` and `states.call`: makes the call, then tells the execution in the transaction that settles the
 * work. A call may be made again after a crash (at least once); the execution hears one answer only, since a settled
 * token is known to nobody. Executions are started in that transaction itself, so they start once.
 */
export function taskWorker(parts: Parts, executions: Executions): EffectWorker {
  return async (work) => {
    const task = work.body as TaskWork;
    const { trace, attempt } = work;
    const target = targetOf(task.resource);
    if (target.kind === "startExecution")
      return async (transaction) => {
        await startNested(parts, executions, transaction, task, target, trace);
        return DONE;
      };
    // What takes its time shows in the history while it is under way; what nobody wants any more is not begun.
    if (work.kind === LONG_CALL && !(await began(parts, executions, task))) return async () => DONE;
    const waits = target.kind !== "refused" && target.pattern === "waitForTaskToken";
    const performed = await performOrGiveUp(parts, task, trace, attempt);
    return async (transaction) => {
      const { token } = task;
      if ("failure" in performed) {
        const phase = waits ? ({ phase: "SubmitFailed" } as const) : {};
        await executions.signal(transaction, task, { kind: "taskFailed", token, ...performed.failure, ...phase });
      } else
        await executions.signal(transaction, task, {
          kind: waits ? "taskSubmitted" : "taskSucceeded",
          token,
          output: performed.output,
        });
      return DONE;
    };
  };
}

function began(parts: Parts, executions: Executions, task: TaskWork): Promise<boolean> {
  const { token } = task;
  return parts.relay.transact((transaction) => executions.signal(transaction, task, { kind: "taskStarted", token }));
}

/** Performs a task; what is worth trying again is thrown, but for the last attempt. */
export async function performOrGiveUp(
  parts: Parts,
  task: TaskWork,
  trace: string,
  attempt: number,
): Promise<Performed> {
  try {
    return await perform(parts, task, trace);
  } catch (error) {
    if (error instanceof StoreUnavailable || attempt < MOST_ATTEMPTS) throw error;
    parts.log("error", "a task was given up", { resource: task.resource, execution: task.name, trace, error });
    return { failure: { error: "States.TaskFailed", cause: error instanceof Error ? error.message : String(error) } };
  }
}
