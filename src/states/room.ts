import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { deleteWorker, signalWorker, startTrimming, trimWorker } from "./chores.ts";
import { Definitions } from "./definitions.ts";
import { Executions } from "./executions.ts";
import { statesService } from "./service.ts";
import { taskWorker } from "./tasks/worker.ts";

/** How many tasks one node has under way at once. */
const TASKS_AT_ONCE = 64;

/** Step Functions: machines, executions, and the tasks that they make AWS calls with. */
export function statesRoom(parts: Parts): Room {
  const definitions = new Definitions();
  const executions = new Executions(parts, definitions);
  const { relay } = parts;
  relay.pure("states.timer", signalWorker(executions));
  relay.pure("states.continue", signalWorker(executions));
  relay.pure("states.delete", deleteWorker(parts, executions));
  relay.pure("states.trim", trimWorker(parts));
  relay.effect("states.task", taskWorker(parts, executions), { concurrency: TASKS_AT_ONCE });
  return {
    services: [statesService({ parts, definitions, executions })],
    start: () => startTrimming(parts),
  };
}
