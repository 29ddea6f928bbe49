import pg from "pg";
import { decoded, encodedAll } from "./nul.ts";
import { StoreUnavailable, type Row, type Value } from "../store.ts";

export type Result = { readonly rows: readonly Row[]; readonly count: number; readonly command: string };
export type ConnectionOptions = {
  readonly url: string;
  /** How long a statement may run, and wait for a row that another transaction holds. 0 is without limit. */
  readonly statementMs: number;
  readonly lockMs: number;
};

const CONNECT_MS = 5_000;
/** Texts are constants of the code; past this number they are sent without being prepared, which bounds the server's memory. */
const PREPARED_LIMIT = 1_000;
/**
 * PostgreSQL keeps a prepared statement's plan, however long its table grows, until the table is analysed: one made
 * when the table was empty may walk every row of a long index. So plans are made anew after so many statements, the
 * first time, and at last after so many.
 */
const REPLAN_FIRST = 250;
const REPLAN_AFTER = 4_000;
/** How often a connection is looked at for an answer that does not come. */
const WATCH_MS = 1_000;

const names = new Map<string, string>();
function nameOf(sql: string): string | undefined {
  let name = names.get(sql);
  if (name === undefined && names.size < PREPARED_LIMIT) {
    name = `s${names.size}`;
    names.set(sql, name);
  }
  return name;
}

const asNumber = (text: string): number => Number(text);
const asBytes = (text: string): Buffer => Buffer.from(text.slice(2), "hex");
// int8, int4, int2, numeric (what sum() of a bigint is), oid; bytea
const parserOf = (type: number) =>
  type === 20 || type === 23 || type === 21 || type === 1700 || type === 26
    ? asNumber
    : type === 17
      ? asBytes
      : decoded;

/**
 * One connection to PostgreSQL. Statements are pipelined: each is sent at once, answers come in their order.
 * A connection is used until its first trouble and then thrown away: `lost` says so.
 */
export class Connection {
  readonly #client: pg.Client;
  readonly #watch: NodeJS.Timeout;
  #waiting = 0;
  #planned = 0;
  #replanAfter = REPLAN_FIRST;
  #progressAt = 0;
  #lost: Error | undefined;

  private constructor(client: pg.Client, limitMs: number) {
    this.#client = client;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection was closed")));
    this.#watch = setInterval(() => {
      if (this.#waiting > 0 && performance.now() - this.#progressAt > limitMs)
        this.destroy(new Error(`no answer within ${limitMs} ms`));
    }, WATCH_MS);
    this.#watch.unref();
  }

  /** Throws what the driver says when there is no connection to be had. */
  static async open({ url, statementMs, lockMs }: ConnectionOptions): Promise<Connection> {
    const client = new pg.Client({
      connectionString: url,
      application_name: "stepwell",
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      pipeline: true,
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: statementMs,
      types: { getTypeParser: parserOf },
    });
    // Trouble after connecting is told through the statements under way.
    client.on("error", () => undefined);
    await client.connect();
    const connection = new Connection(client, statementMs === 0 ? Number.POSITIVE_INFINITY : statementMs + 5_000);
    // What is acknowledged must be durable, whatever the server's default says.
    await connection.query(
      "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
    );
    return connection;
  }

  get lost(): Error | undefined {
    return this.#lost;
  }
  /** Statements that were sent and not answered. */
  get waiting(): number {
    return this.#waiting;
  }

  /** To be called between transactions: a database that has no such statement says so, which harms nothing there. */
  replan(): void {
    if (this.#planned < this.#replanAfter) return;
    this.#planned = 0;
    this.#replanAfter = Math.min(2 * this.#replanAfter, REPLAN_AFTER);
    this.query("discard plans").catch(() => undefined);
  }

  query(sql: string, parameters: readonly Value[] | readonly (readonly Value[])[] = []): Promise<Result> {
    if (this.#lost) return Promise.reject(unavailable(this.#lost));
    if (this.#waiting++ === 0) this.#progressAt = performance.now();
    this.#planned++;
    return new Promise<Result>((resolve, reject) => {
      const name = nameOf(sql);
      const query = { text: sql, values: encodedAll(parameters), ...(name === undefined ? {} : { name }) };
      this.#client.query(query, (error: Error | null, result: pg.QueryResult<Row>) => {
        this.#waiting--;
        this.#progressAt = performance.now();
        // A server that was demoted answers, but never again as it should.
        if ((error as { code?: string } | null)?.code === "25006") this.destroy(error ?? undefined);
        if (error) reject(this.#lost ? unavailable(error) : error);
        else resolve({ rows: result.rows, count: result.rowCount ?? 0, command: result.command });
      });
    });
  }

  listen(channel: string, told: () => void): Promise<Result> {
    this.#client.on("notification", told);
    return this.query(`listen ${channel}`);
  }

  /** Ends it at once; statements under way fail. */
  destroy(reason: Error = new Error("the connection was given up")): void {
    this.#lose(reason);
    const { connection } = this.#client as unknown as { connection: { stream: { destroy(): void } } };
    connection.stream.destroy();
  }
  async close(): Promise<void> {
    this.#lose(new Error("the store is closed"));
    await this.#client.end();
  }

  #lose(reason: Error): void {
    this.#lost ??= reason;
    clearInterval(this.#watch);
  }
}

function unavailable(cause: Error): StoreUnavailable {
  return new StoreUnavailable(`PostgreSQL: ${cause.message}`, { cause });
}
