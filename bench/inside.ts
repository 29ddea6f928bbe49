/** Helloworld inside the process, 64 at once and durable, beside group-committed rows of the same bytes on bare node:sqlite. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../src/clock/system.ts";
import type { Principal } from "../src/flow.ts";
import { openNode, type StepwellNode } from "../src/node.ts";
import { createMachine, type TutorialClients } from "../scripts/tutorial/steps.ts";
import { clientsFor } from "../test/support/stepwell.ts";
import type { Bench } from "./bench.ts";
import { median } from "./processes.ts";
import { KEY } from "./setting.ts";

const AT_ONCE = 64;
const COUNT = 20_000;
const ROOT: Principal = {
  kind: "root",
  account: "123456789012",
  arn: "arn:aws:iam::123456789012:root",
  id: "123456789012",
  accessKeyId: KEY.accessKeyId,
};

export const benchInside: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "inside");
  mkdirSync(data, { recursive: true });
  const node = await openNode({
    data,
    account: "123456789012",
    region: "us-east-1",
    auth: "on",
    clock: systemClock,
    log: () => undefined,
    trailFlushMs: 60_000,
    key: KEY,
  });
  const { port } = await node.listen("127.0.0.1", 0);
  const clients: TutorialClients & Record<string, { destroy(): void }> = clientsFor(
    `http://127.0.0.1:${port}`,
    KEY,
    "us-east-1",
  );
  const machineArn = await createMachine(clients);
  const bytes = await bytesOfOne(node, machineArn, join(data, "stepwell.db"));
  const bare = new BareRows(join(folder, "bare.db"), bytes);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const limit = bare.run();
    const rate = await executions(node, machineArn);
    if (round === 0) continue;
    theirs.push(limit);
    ours.push(rate);
  }
  for (const client of Object.values(clients)) client.destroy();
  await node.close();
  bare.close();
  return [
    {
      name: `Helloworld inside the process, ${AT_ONCE} at once, durable`,
      value: median(ours),
      unit: "/s",
      limit: median(theirs),
      limitName: `group-committed rows of ${bytes} bytes, bare node:sqlite`,
      ratio: median(ours.map((rate, i) => rate / (theirs[i] ?? 1))),
    },
  ];
};

async function executions(node: StepwellNode, stateMachineArn: string): Promise<number> {
  let left = COUNT;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0)
        await node.call({
          service: "states",
          operation: "StartExecution",
          input: { stateMachineArn, input: '{"who":"bench"}' },
          as: { kind: "principal", principal: ROOT },
          trace: "bench",
          region: "us-east-1",
        });
    }),
  );
  return COUNT / ((performance.now() - started) / 1000);
}

/** What one execution leaves in the database, its record and story included: the size of the rows it is compared with. */
async function bytesOfOne(node: StepwellNode, machineArn: string, path: string): Promise<number> {
  const size = (): number => {
    const database = new DatabaseSync(path, { readOnly: true });
    const tables = database
      .prepare("select name from sqlite_master where type = 'table'")
      .all()
      .map((row) => String(row["name"]));
    let bytes = 0;
    for (const table of tables) {
      const columns = database
        .prepare(`select name from pragma_table_info('${table}')`)
        .all()
        .map((row) => `coalesce(length(cast("${String(row["name"])}" as blob)), 0)`);
      bytes += Number(
        database.prepare(`select coalesce(sum(${columns.join("+")}), 0) as bytes from "${table}"`).get()?.["bytes"] ??
          0,
      );
    }
    database.close();
    return bytes;
  };
  const before = size();
  await executions(node, machineArn);
  return Math.round((size() - before) / COUNT);
}

class BareRows {
  readonly #database: DatabaseSync;
  readonly #body: string;
  #next = 0;
  constructor(path: string, bytes: number) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      "pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=4000; create table row (id text primary key, body text) without rowid",
    );
    this.#body = "x".repeat(Math.max(0, bytes - 36));
  }
  run(): number {
    const insert = this.#database.prepare("insert into row values (?, ?)");
    const started = performance.now();
    for (let done = 0; done < COUNT; done += AT_ONCE) {
      this.#database.exec("begin");
      for (let i = 0; i < AT_ONCE; i++) insert.run(`${String(this.#next++).padStart(36, "0")}`, this.#body);
      this.#database.exec("commit");
    }
    return COUNT / ((performance.now() - started) / 1000);
  }
  close(): void {
    this.#database.close();
  }
}
