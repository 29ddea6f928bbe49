import { setImmediate as nextTurn } from "node:timers/promises";
import { expressArn } from "../arns.ts";
import type { Definitions } from "../definitions.ts";
import type { HistoryEvent, Parts } from "../../flow.ts";
import { entriesOf, type Entry } from "../logs/entry.ts";
import type { LogWriter } from "../logs/writer.ts";
import { DONE, type EffectWorker } from "../../relay/relay.ts";
import type { Transaction } from "../../store/store.ts";
import { runAtOnce, runExpress, type ExpressStart, type Finished, type Listener } from "./run.ts";

/** The body of `states.express` work: an accepted start, to be run from its beginning until it has ended once. */
type ExpressWork = Omit<ExpressStart, "revision" | "trace"> & { readonly revision: string };

export type Asked = Omit<ExpressStart, "arn" | "startedAt">;

/** Entries that a run may keep in memory before it writes some. */
const ENTRIES_HELD = 1_000;

/** Express executions: in memory and in the log only. */
export class Expresses {
  readonly #parts: Parts;
  readonly #definitions: Definitions;
  readonly #logs: LogWriter;
  /** Ends the runs that somebody waits for when the node stops. */
  readonly #stopping = new AbortController();
  constructor(parts: Parts, definitions: Definitions, logs: LogWriter) {
    this.#parts = parts;
    this.#definitions = definitions;
    this.#logs = logs;
  }

  /** Names an execution; every start is another execution, whatever its name. */
  begin(asked: Asked): ExpressStart {
    const { clock } = this.#parts;
    return { ...asked, arn: expressArn(asked, clock.uuid()), startedAt: clock.now() };
  }

  /**
   * Accepts an execution. One that needs nothing from outside has ended when its start is durable and leaves no work;
   * any other runs at least once from its beginning to its end.
   */
  async start(transaction: Transaction, start: ExpressStart): Promise<void> {
    const { arn, trace, startedAt } = start;
    this.#parts.tell(transaction, trace, { hop: "execution", at: startedAt, subject: arn, outcome: "ok" });
    const whole = runAtOnce(this.#parts, start);
    if (whole) return this.conclude(transaction, start, whole.finished, entries(start, whole.events));
    const { revision, trace: _, ...plain } = start;
    const body: ExpressWork = { ...plain, revision: revision.id };
    await this.#parts.relay.append(transaction, { kind: "states.express", key: arn, trace, body });
  }

  /** Runs an execution while its caller waits: at most once, for nothing of it is kept before it has ended. */
  run(start: ExpressStart): Promise<{ readonly finished: Finished; readonly entries: readonly Entry[] }> {
    return this.#run(start, this.#stopping.signal);
  }

  /** Writes what is left of an execution that has ended: its log, and the last line of the story. */
  async conclude(
    transaction: Transaction,
    { arn, machineName, revision, trace }: ExpressStart,
    { status, error, cause, stoppedAt }: Finished,
    logged: readonly Entry[],
  ): Promise<void> {
    if (revision.logging) await this.#logs.write(transaction, revision.logging, machineName, logged);
    const succeeded = status === "SUCCEEDED";
    const reason = [status, error, cause].filter((part) => part !== undefined && part !== "").join(": ");
    this.#parts.tell(transaction, trace, {
      hop: "result",
      at: stoppedAt,
      subject: arn,
      outcome: succeeded ? "ok" : "dead end",
      ...(!succeeded && { reason }),
    });
  }

  /** Works `states.express`. */
  worker(): EffectWorker {
    return async (work, signal) => {
      const { revision: id, ...plain } = work.body as ExpressWork;
      const revision = await this.#parts.store.read((reader) => this.#definitions.revision(reader, id));
      const start: ExpressStart = { ...plain, revision, trace: work.trace };
      const { finished, entries: logged } = await this.#run(start, signal);
      return async (transaction) => {
        await this.conclude(transaction, start, finished, logged);
        return DONE;
      };
    };
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #run(start: ExpressStart, signal: AbortSignal): Promise<{ finished: Finished; entries: Entry[] }> {
    let held: Entry[] = [];
    const { logging } = start.revision;
    const listener: Listener = {
      hear(events) {
        if (logging) held.push(...entries(start, events));
      },
      rest: async () => {
        if (!logging || held.length < ENTRIES_HELD) return nextTurn();
        const written = held;
        held = [];
        await this.#parts.relay.transact((transaction) =>
          this.#logs.write(transaction, logging, start.machineName, written),
        );
      },
    };
    const finished = await runExpress(this.#parts, start, listener, signal);
    return { finished, entries: held };
  }
}

function entries({ arn, revision }: ExpressStart, events: readonly HistoryEvent[]): Entry[] {
  return revision.logging ? entriesOf(revision.logging, arn, 0, events) : [];
}
