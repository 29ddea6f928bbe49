import type { Access, Call, CallFacts, FinishedCall, InsideDoor, Principal, Source } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import type { ServiceDefinition } from "../wire/service.ts";
import type { Core } from "./core.ts";
import { denied, type Family } from "./refuse.ts";

/** How many bytes of body a call received, known once it was read. */
export type Meter = { readonly received: number };

/** A call on its way through its handler. It owns the one transaction and the one record of the call. */
export class AdmittedCall implements Call {
  readonly requestId: string;
  readonly trace: string;
  readonly service: string;
  readonly eventSource: string;
  readonly operation: string;
  readonly readOnly: boolean;
  readonly account: string;
  readonly region: string;
  readonly principal: Principal;
  readonly source: Source;
  readonly at: number;
  readonly #core: Core;
  readonly #definition: ServiceDefinition;
  readonly #family: Family;
  readonly #meter: Meter | undefined;
  /** The caller's transaction, which an inside call has joined. */
  readonly #joined: Transaction | undefined;
  #current: Transaction | undefined;
  #input: unknown;
  #recorded = false;

  constructor(
    core: Core,
    definition: ServiceDefinition,
    facts: CallFacts,
    options: {
      readonly family: Family;
      readonly meter?: Meter | undefined;
      readonly transaction?: Transaction | undefined;
    },
  ) {
    this.requestId = facts.requestId;
    this.trace = facts.trace;
    this.service = facts.service;
    this.eventSource = facts.eventSource;
    this.operation = facts.operation;
    this.readOnly = facts.readOnly;
    this.account = facts.account;
    this.region = facts.region;
    this.principal = facts.principal;
    this.source = facts.source;
    this.at = facts.at;
    this.#core = core;
    this.#definition = definition;
    this.#family = options.family;
    this.#meter = options.meter;
    this.#joined = options.transaction;
    this.#current = options.transaction;
  }

  get call(): InsideDoor {
    return this.#core.door;
  }

  read<T>(work: (reader: Reader) => Promise<T>): Promise<T> {
    return this.#current ? work(this.#current) : this.#core.store.read(work);
  }

  async commit<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.#recorded) throw new Error(`${this.operation} has committed before: a handler has one transaction`);
    const joined = this.#joined;
    const output = joined
      ? await joined.savepoint(() => this.#within(joined, work))
      : await this.#core.relay.transact((transaction) => this.#within(transaction, work));
    this.#recorded = true;
    return output;
  }

  async authorize(access: Access): Promise<void> {
    const decision = await this.read((reader) => this.#core.authority.decide(reader, this, access));
    if (!decision.allowed) throw denied(this.#family, decision.sentence);
  }

  passRole(roleArn: string, service: string, associatedResourceArn?: string): Promise<void> {
    return this.read((reader) => this.#core.authority.passRole(reader, this, roleArn, service, associatedResourceArn));
  }

  /** Checks, works, and sees to it that the call is on record however it ends. */
  async run(input: unknown): Promise<unknown> {
    this.#input = input;
    const { handlers, access } = this.#definition;
    const handler = handlers[this.operation];
    if (!handler) throw new Error(`${this.operation} has no handler`);
    // Both are keyed by the operation whose shape the input was validated against.
    const given = input as never;
    await this.read(async (reader) => {
      const needed = access ? await access(this.operation, given, this, reader) : [this.#usual()];
      for (const one of needed) {
        const decision = await this.#core.authority.decide(reader, this, one);
        if (!decision.allowed) throw denied(this.#family, decision.sentence);
      }
    });
    const output = await handler(given, this);
    if (!this.#recorded) await this.#record(this.#finished(output, undefined));
    return output;
  }

  /** Puts a failed call on record. */
  async failed(fault: { readonly code: string; readonly message: string }): Promise<void> {
    if (!this.#recorded) await this.#record(this.#finished(undefined, { code: fault.code, message: fault.message }));
  }

  #usual(): Access {
    return { action: `${this.#definition.name}:${this.operation}`, resource: "*" };
  }

  async #within<T>(transaction: Transaction, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const outer = this.#current;
    this.#current = transaction;
    try {
      const { name, concurrent } = this.#definition;
      if (!concurrent?.includes(this.operation)) await transaction.lock?.(`turns/${name}`);
      const output = await work(transaction);
      await append(this.#core, transaction, this.#finished(output, undefined));
      return output;
    } finally {
      this.#current = outer;
    }
  }

  async #record(finished: FinishedCall): Promise<void> {
    this.#recorded = true;
    const joined = this.#joined;
    if (joined) {
      await append(this.#core, joined, finished);
      return;
    }
    if (await this.#core.store.read((reader) => this.#core.recorder.wants(reader, finished))) {
      await this.#core.relay.transact((transaction) => appendWanted(this.#core, transaction, finished));
    }
  }

  #finished(output: unknown, error: FinishedCall["error"]): FinishedCall {
    const { resources } = this.#definition;
    const touched =
      resources && this.#input !== undefined ? resources(this.operation, this.#input as never, output, this) : [];
    const received = this.#meter?.received ?? 0;
    const facts = {
      requestId: this.requestId,
      trace: this.trace,
      service: this.service,
      eventSource: this.eventSource,
      operation: this.operation,
      readOnly: this.readOnly,
      // Nobody's call is recorded in the account that it touched.
      account:
        this.account === ""
          ? (touched.find((resource) => resource.account)?.account ?? this.#core.account)
          : this.account,
      region: this.region,
      principal: this.principal,
      source: received > 0 ? { ...this.source, bytesIn: received } : this.source,
      at: this.at,
      input: withoutStreams(this.#input),
      resources: touched,
    };
    return error ? { ...facts, error } : { ...facts, output: withoutStreams(output) };
  }
}

/** Appends the finished call for the trail, if anybody keeps such records. */
export async function append(core: Core, transaction: Transaction, finished: FinishedCall): Promise<void> {
  if (await core.recorder.wants(transaction, finished)) await appendWanted(core, transaction, finished);
}
function appendWanted(core: Core, transaction: Transaction, finished: FinishedCall): Promise<void> {
  return core.relay.append(transaction, {
    kind: "call",
    key: finished.requestId,
    trace: finished.trace,
    body: finished,
  });
}

/** Bodies and streams are no plain data, and no record has them. */
function withoutStreams(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  let kept: Record<string, unknown> | undefined;
  for (const [name, member] of Object.entries(value)) {
    if (!isStream(member)) continue;
    kept ??= { ...value };
    delete kept[name];
  }
  return kept ?? value;
}
const isStream = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (value instanceof Uint8Array || Symbol.asyncIterator in value || "getReader" in value);
