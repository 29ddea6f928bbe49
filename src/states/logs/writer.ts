import { isoSeconds, type Parts } from "../../flow.ts";
import type { Transaction } from "../../store/store.ts";
import { Serials } from "../rows/executions.ts";
import type { Entry, Logging } from "./entry.ts";
import { insertLogEvent } from "./rows.ts";

const HEX_LOWER = "0123456789abcdef";

/** Writes entries to log groups; a part of the transaction that makes them, so that no entry tells what did not happen. */
export class LogWriter {
  readonly #parts: Parts;
  readonly #serials = new Serials();
  /** Two processes never write to one stream, hence serials need to be unique in a process only. */
  readonly #process: string;
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#process = parts.clock.text(8, HEX_LOWER);
  }

  /** @param machineName names the stream: `states/NAME/2026-05-04-09/4f1a09be`, a new one each hour. */
  async write(
    transaction: Transaction,
    { group }: Logging,
    machineName: string,
    entries: readonly Entry[],
  ): Promise<void> {
    if (entries.length === 0) return;
    const ingestion = this.#parts.clock.now();
    const hour = isoSeconds(ingestion).slice(0, 13).replace("T", "-");
    const stream = `states/${machineName}/${hour}/${this.#process}`;
    for (const { timestamp, message } of entries) {
      const serial = this.#serials.next(ingestion);
      await insertLogEvent(transaction, group, { stream, timestamp, ingestion, serial, message });
    }
  }
}
