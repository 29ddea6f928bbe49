import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { Activities } from "./activities.ts";
import { deleteWorker, signalWorker, startTrimming, trimWorker } from "./chores.ts";
import { Definitions } from "./definitions.ts";
import { Effects, LONG_CALL, SHORT_CALL } from "./effects.ts";
import { Executions } from "./executions.ts";
import { mapRunWorker } from "./mapruns/feeder.ts";
import { MapRuns } from "./mapruns/runs.ts";
import { Wakes } from "./mapruns/wakes.ts";
import { writeWorker } from "./mapruns/writer.ts";
import { Expresses } from "./express/express.ts";
import { startTrimmingLogs, trimLogsWorker } from "./logs/retention.ts";
import { LogWriter } from "./logs/writer.ts";
import { endWorker } from "./nested.ts";
import { statesService } from "./service.ts";
import { redriveWorker } from "./mapruns/redrive.ts";
import { offeredBy } from "./tasks/offered.ts";
import { taskWorker } from "./tasks/worker.ts";
import { Targets } from "./targets.ts";
import { TaskTokens } from "./tokens.ts";

/** How many tasks one node has under way at once. */
const TASKS_AT_ONCE = 64;
/** How many tasks that wait for somebody: a function, a web server, a worker. */
const CALLS_AT_ONCE = 1_000;
/** AWS lets an account have 1,000 map runs open; those that have started all their children need no hand. */
const MAP_RUNS_AT_ONCE = 1_000;
const WRITERS_AT_ONCE = 16;

/** How many asynchronous Express executions one node has under way at once: most of them wait. */
const EXPRESSES_AT_ONCE = 1_000;

/** Step Functions: machines, executions, and the tasks that they make AWS calls with. */
export function statesRoom(parts: Parts, options: { readonly allowMissingServices?: boolean } = {}): Room {
  const definitions = new Definitions();
  const targets = new Targets(definitions);
  const activities = new Activities(parts);
  const tokens = new TaskTokens(parts);
  const logs = new LogWriter(parts);
  const executions = new Executions(parts, definitions, new Effects(parts, activities), tokens, logs);
  const expresses = new Expresses(parts, definitions, logs);
  const offered = offeredBy(parts, options.allowMissingServices === true);
  const { relay } = parts;
  relay.pure("states.timer", signalWorker(executions));
  relay.pure("states.continue", signalWorker(executions));
  relay.pure("states.signal", signalWorker(executions));
  relay.pure("states.end", endWorker(executions));
  relay.pure("states.delete", deleteWorker(parts, executions));
  relay.pure("states.trim", trimWorker(parts));
  const wakes = new Wakes(parts.clock);
  const runs = new MapRuns(parts, definitions, executions, wakes);
  relay.pure("states.mapRunChild", runs.childWorker());
  relay.pure("states.mapRunStop", runs.stopWorker());
  relay.pure("states.mapRunEnd", runs.endWorker());
  relay.pure("states.mapRunRedrive", redriveWorker(parts, executions));
  relay.effect("states.mapRun", mapRunWorker({ parts, definitions, runs, wakes }), { concurrency: MAP_RUNS_AT_ONCE });
  relay.effect("states.mapRunWrite", writeWorker({ parts, definitions, runs }), { concurrency: WRITERS_AT_ONCE });
  relay.pure("states.trimLogs", trimLogsWorker(parts));
  relay.effect("states.express", expresses.worker(), { concurrency: EXPRESSES_AT_ONCE });
  relay.effect(SHORT_CALL, taskWorker(parts, executions), { concurrency: TASKS_AT_ONCE });
  relay.effect(LONG_CALL, taskWorker(parts, executions), { concurrency: CALLS_AT_ONCE });
  return {
    services: [statesService({ parts, definitions, targets, executions, expresses, activities, tokens, offered })],
    async start() {
      await tokens.load();
      await startTrimming(parts);
      await startTrimmingLogs(parts);
    },
    drain: () => activities.drain(),
    async stop() {
      wakes.stop();
      expresses.stop();
    },
  };
}
