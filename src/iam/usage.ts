/** When keys and roles were last used: noted in memory on the hot path, written down once a minute. */
import type { Parts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { putUsage, usageOf } from "./policy-rows.ts";
import type { UsageRow } from "./policy-rows.ts";

const NOTES_LIMIT = 10_000;
const WRITE_EVERY_MS = 60_000;

export class Usage {
  #notes = new Map<string, UsageRow>();
  note(subject: string, at: number, service: string, region: string): void {
    const known = this.#notes.get(subject);
    if (known && at - known.at < 1000 && known.service === service) return;
    if (this.#notes.size < NOTES_LIMIT || known) this.#notes.set(subject, { at, service, region });
  }
  /** The last use of an access key or of a role's unique id. */
  async last(reader: Reader, subject: string): Promise<UsageRow | undefined> {
    return this.#notes.get(subject) ?? (await usageOf(reader, subject));
  }
  /** Writes down what was noted since the last time. */
  async flush(parts: Pick<Parts, "store">): Promise<void> {
    if (this.#notes.size === 0) return;
    const notes = this.#notes;
    this.#notes = new Map();
    await parts.store.write(async (transaction) => {
      for (const [subject, row] of notes) await putUsage(transaction, subject, row);
    });
  }
  /** Flushes until the signal aborts; a failure to write is logged and costs no more than precision. */
  async run(parts: Pick<Parts, "store" | "clock" | "log">, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await parts.clock.sleep(WRITE_EVERY_MS, signal);
      try {
        await this.flush(parts);
      } catch (error) {
        parts.log("warn", "the last use of access keys could not be written", { error: String(error) });
      }
    }
  }
}

const byStore = new WeakMap<object, Usage>();
/** The one book of an installation's store: the authority notes in it, the services read it. */
export function usageFor(parts: Pick<Parts, "store">): Usage {
  let usage = byStore.get(parts.store);
  if (!usage) byStore.set(parts.store, (usage = new Usage()));
  return usage;
}
