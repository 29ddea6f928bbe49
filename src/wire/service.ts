/**
 * A service: the model's operations bound to handlers. The wire decodes and encodes, the gate admits, a handler works.
 * Handlers are typed from the SDK's own command classes (`import type * as sfn from "@aws-sdk/client-sfn"`), so a
 * misspelt operation or member fails the type check, and nothing of the SDK is left at run time.
 */
import type { Access, Call, CallFacts } from "../flow.ts";
import type { Reader } from "../store/store.ts";

/** A request body that has not been read yet: one pass, verified (signature, length, checksums) as it is read. */
export interface Body extends AsyncIterable<Uint8Array> {
  /** The decoded length in bytes if the client said it. */
  readonly length: number | undefined;
  /** Reads all of it; throws EntityTooLarge above `limit` bytes. */
  bytes(limit: number): Promise<Buffer>;
  /** Checksums the client sent in a trailer, known once the body was read to its end. Lower-case header names. */
  trailers(): Readonly<Record<string, string>>;
  /** The trailer's header names as announced in `x-amz-trailer`, lower case, so that a checksum can be computed on the way. */
  readonly announced?: readonly string[];
}

/** What a streaming member is replaced by: an unread `Body` going in (cast it), bytes or a stream going out. */
type Streamed<T> = { [K in keyof T]: K extends "Body" | "Payload" ? unknown : T[K] };
/** The SDK types a required member `T | undefined`; after validation it is there. */
type Present<T> = T extends readonly (infer Item)[]
  ? readonly Present<Item>[]
  : T extends Date | Uint8Array | ((...parameters: never[]) => unknown)
    ? T
    : T extends object
      ? { [K in keyof T]: Present<{} extends Pick<T, K> ? T[K] : Exclude<T[K], undefined>> }
      : T;
// Commands without a required member may be made without an argument: their parameters are `[] | [input]`.
type InputOf<C> = C extends new (...parameters: infer P) => unknown
  ? Present<Streamed<Exclude<P, []>[0 & keyof Exclude<P, []>]>>
  : never;
type OutputOf<C> = C extends new (...parameters: never[]) => {
  resolveMiddleware(...parameters: never[]): (...parameters: never[]) => Promise<{ output: infer O }>;
}
  ? Streamed<Omit<O, "$metadata">>
  : never;

export type Handler<Input, Output> = (input: Input, call: Call) => Promise<Output>;
export type Handlers<Sdk> = {
  readonly [Key in keyof Sdk as Key extends `${infer Name}Command` ? Name : never]?: Handler<
    InputOf<Sdk[Key]>,
    OutputOf<Sdk[Key]>
  >;
};

export type ServiceDefinition = {
  /** The room, which is also the first part of its IAM actions: `s3`, `events`, `states`, `iam`, `sts`, `cloudtrail`. */
  readonly name: string;
  /** The file in model/ without `.json`: `s3`, `eventbridge`, `sfn`, … */
  readonly model: string;
  /** `states.amazonaws.com` */
  readonly eventSource: string;
  readonly handlers: Readonly<Record<string, Handler<never, unknown> | undefined>>;
  /** What the caller must be allowed, asked before the handler runs. By default `<name>:<Operation>` on `*`. */
  readonly access?: (operation: string, input: never, facts: CallFacts, reader: Reader) => Promise<readonly Access[]>;
  /**
   * Operations whose transactions are right beside any other on several nodes, because they lock or guard the rows
   * that they read in order to write. All others that write take turns, service by service.
   */
  readonly concurrent?: readonly string[];
  /** Resources that the call's trail record lists. */
  readonly resources?: (
    operation: string,
    input: never,
    output: unknown,
    facts: CallFacts,
  ) => { readonly type: string; readonly arn: string; readonly account?: string }[];
};

/** Binds handlers, checked against the SDK's types, to a definition. */
export function defineService<Sdk>(
  definition: Omit<ServiceDefinition, "handlers"> & { readonly handlers: Handlers<Sdk> },
): ServiceDefinition {
  return definition as unknown as ServiceDefinition;
}
