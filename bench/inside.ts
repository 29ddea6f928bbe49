/** Helloworld inside the process, 64 at once and durable, beside group-committed rows of the same bytes on bare node:sqlite. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createMachine } from "../scripts/tutorial/steps.ts";
import { clientsFor } from "../test/support/stepwell.ts";
import type { Bench } from "./bench.ts";
import { median, rate, startServer, stopServer, type Server } from "./processes.ts";
import { KEY } from "./setting.ts";

const AT_ONCE = 64;
const COUNT = 20_000;

export const benchInside: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "inside");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const machineArn = await createMachine(clients);
  for (const client of Object.values(clients)) client.destroy();
  const bytes = await bytesOfOne(node, machineArn, join(data, "stepwell.db"));
  const bare = new BareRows(join(folder, "bare.db"), bytes);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const limit = bare.run();
    const reached = await executions(node, machineArn);
    if (round === 0) continue;
    theirs.push(limit);
    ours.push(reached);
  }
  await stopServer(node);
  bare.close();
  return [
    {
      name: `Helloworld inside the process, ${AT_ONCE} at once, durable`,
      value: median(ours),
      unit: "/s",
      limit: median(theirs),
      limitName: `group-committed rows of ${bytes} bytes, bare node:sqlite`,
      ratio: median(ours.map((reached, i) => reached / (theirs[i] ?? 1))),
    },
  ];
};

function executions(node: Server, stateMachineArn: string): Promise<number> {
  return rate([node], { stateMachineArn, input: '{"who":"bench"}', count: COUNT, atOnce: AT_ONCE });
}

/** What one execution leaves in the database, its record and story included: the size of the rows it is compared with. */
async function bytesOfOne(node: Server, machineArn: string, path: string): Promise<number> {
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
