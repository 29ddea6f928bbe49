import type { Body } from "./service.ts";

/** A request as the wire sees it: path and query as sent, nothing normalised. */
export type HttpRequest = {
  readonly method: string;
  /** Percent-encoded as sent, without the query; for a virtual-hosted bucket, as in path style (`/bucket/key`). */
  readonly path: string;
  /** Decoded name-value pairs in the order sent. A name without `=` has the value "". */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Body;
  /** The body of an awsQuery POST as text: its operation is named in it, so whoever receives it reads it before matching. */
  readonly form?: string;
};
export type HttpResponse = {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
};

/** One service's operations on the wire: made by `openWire(model)` in wire/open.ts, which loads model/<model>.json once, on first use. */
export interface Wire {
  /** The operation that a request addresses, whatever the protocol; undefined if it is none of this service's. */
  match(request: HttpRequest): Match | undefined;
  readonly operations: ReadonlyMap<string, { readonly name: string; readonly readOnly: boolean }>;
  /** Throws `AwsFault` ValidationException with AWS's sentences; for inputs that did not come over the wire. */
  validate(operation: string, input: unknown): void;
  /** A JSON document with the model's member names (as aws-sdk Task states write it: timestamps ISO-8601, blobs text) to an input, and an output to such a document. */
  fromJson(operation: string, document: unknown): unknown;
  toJson(operation: string, output: unknown): unknown;
  /** Input (or output) members that hold secrets, as paths, for masking in records. */
  sensitive(operation: string, side: "input" | "output"): readonly string[];
}
export interface Match {
  readonly operation: string;
  /** Decodes and validates. A streaming member becomes the request's `Body`. Throws `AwsFault`. */
  decode(): Promise<unknown>;
  encode(output: unknown, requestId: string): HttpResponse;
  fault(fault: FaultFacts, requestId: string): HttpResponse;
}
export type FaultFacts = {
  readonly code: string;
  readonly message: string;
  /** Overrides the model's status. */
  readonly status?: number | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
};
