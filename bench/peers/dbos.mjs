/** DBOS with the workflow of five steps, in a process of its own: runs it when told to. Its state is in the PostgreSQL that is named. */
import { DBOS } from "@dbos-inc/dbos-sdk";

// What DBOS does with its driver is not for us to put right.
process.noDeprecation = true;
const [database = "", poolSize = ""] = process.argv.slice(2);

const five = DBOS.registerWorkflow(
  async () => {
    let sum = 0;
    for (let step = 1; step <= 5; step++) sum += await DBOS.runStep(async () => step, { name: `step${step}` });
    return sum;
  },
  { name: "five" },
);
DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: database,
  systemDatabasePoolSize: Number(poolSize),
  logLevel: "error",
});
await DBOS.launch();

/** Runs `count` workflows, `atOnce` clients each waiting for the end of one before it starts the next. */
async function run({ count, atOnce }) {
  let left = count;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        const handle = await DBOS.startWorkflow(five)();
        if ((await handle.getResult()) !== 15) throw new Error("DBOS lost a step");
      }
    }),
  );
  return performance.now() - started;
}

process.on("message", (spec) => {
  run(spec).then(
    (ms) => process.send({ ms }),
    (error) => process.send({ error: error.message }),
  );
});
process.on("disconnect", () => void DBOS.shutdown().finally(() => process.exit(0)));
process.send({ port: 0 });
