import { Socket } from "node:net";
import pg from "pg";
import { sentOf, type Parameter } from "./columns.ts";
import { Group, type Asked, type Prepared, type Result, type Wire } from "./group.ts";
import { StoreUnavailable } from "../store.ts";

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

/**
 * One connection to PostgreSQL. Statements are pipelined: what is asked until the program waits for something is sent
 * in one piece, answers come in their order.
 * A connection is used until its first trouble and then thrown away: `lost` says so.
 */
export class Connection {
  readonly #client: pg.Client;
  readonly #watch: NodeJS.Timeout;
  readonly #prepared: Prepared = new Map();
  /** What is about to be sent, in groups; whether the last of them may grow. */
  #gathered: Asked[][] = [];
  #growing = false;
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
      stream: () => new OnePieceSocket(),
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: statementMs,
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

  /** Statements that are about to be sent. */
  get gathered(): number {
    return this.#gathered.reduce((sum, { length }) => sum + length, 0);
  }

  /** To be called between transactions: a database that has no such statement says so, which harms nothing there. */
  replan(): void {
    if (this.#planned < this.#replanAfter) return;
    this.#planned = 0;
    this.#replanAfter = Math.min(2 * this.#replanAfter, REPLAN_AFTER);
    this.query("discard plans").catch(() => undefined);
  }

  /**
   * @param together PostgreSQL may pass it over if one fails that was asked just before it: for what belongs to one
   * transaction, or can be asked again. Such statements cost less.
   */
  query(sql: string, parameters: readonly Parameter[] = [], together = false): Promise<Result> {
    if (this.#lost) return Promise.reject(unavailable(this.#lost));
    return new Promise<Result>((resolve, reject) => {
      const values = parameters.map(sentOf);
      if (this.#waiting++ === 0) this.#progressAt = performance.now();
      this.#planned++;
      const answered = (): void => {
        this.#waiting--;
        this.#progressAt = performance.now();
      };
      const done = (result: Result): void => {
        answered();
        resolve(result);
      };
      const failed = (error: Error): void => {
        answered();
        // A server that was demoted answers, but never again as it should.
        if ((error as { code?: string }).code === "25006") this.destroy(error);
        reject(this.#lost ? unavailable(error) : error);
      };
      this.#gather({ sql, name: nameOf(sql), values, done, failed }, together);
    });
  }

  #gather(asked: Asked, together: boolean): void {
    if (this.#gathered.length === 0) process.nextTick(() => this.#sendGathered());
    if (together && this.#growing) this.#gathered.at(-1)?.push(asked);
    else this.#gathered.push([asked]);
    this.#growing = together;
  }
  #sendGathered(): void {
    const groups = this.#gathered;
    this.#gathered = [];
    this.#growing = false;
    const { stream } = this.#wire;
    stream.cork();
    for (const asked of groups) this.#client.query(new Group(asked, this.#prepared) as unknown as pg.Submittable);
    stream.uncork();
  }
  get #wire(): Wire {
    return (this.#client as unknown as { connection: Wire }).connection;
  }

  listen(channel: string, told: () => void): Promise<Result> {
    this.#client.on("notification", told);
    return this.query(`listen ${channel}`);
  }

  /** Ends it at once; statements under way fail. */
  destroy(reason: Error = new Error("the connection was given up")): void {
    this.#lose(reason);
    this.#wire.stream.destroy();
  }
  async close(): Promise<void> {
    this.#lose(new Error("the store is closed"));
    this.#sendGathered();
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

/** What was written while corked goes to the kernel as one piece: to copy it costs far less than many pieces do. */
class OnePieceSocket extends Socket {
  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    const pieces = chunks.map(({ chunk, encoding }) =>
      typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
    );
    this._write(Buffer.concat(pieces), "buffer" as BufferEncoding, callback);
  }
}
