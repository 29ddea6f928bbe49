import type { Clock } from "../../clock/clock.ts";

/** How a service answered, as the optimised integrations put it into their results: AWS's first Java SDK, printed. */
export type Answered = {
  readonly contentType: string;
  /** The answer's body, whose length is told. */
  readonly body: string;
  /** Headers of the service's own, after `x-amzn-RequestId`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly connection?: "connection" | "Connection";
};

/** The result with `SdkHttpMetadata` and `SdkResponseMetadata`, its members in the order of their names. */
export function withMetadata(result: object, answered: Answered, clock: Clock): Record<string, unknown> {
  const requestId = clock.uuid();
  const headers: Record<string, string> = {
    ...answered.headers,
    "x-amzn-RequestId": requestId,
    [answered.connection ?? "connection"]: "keep-alive",
    "Content-Length": String(Buffer.byteLength(answered.body)),
    Date: new Date(clock.now()).toUTCString(),
    "Content-Type": answered.contentType,
  };
  const all = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const sorted = Object.entries(headers).sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const withThem = {
    ...result,
    SdkHttpMetadata: { AllHttpHeaders: all, HttpHeaders: Object.fromEntries(sorted), HttpStatusCode: 200 },
    SdkResponseMetadata: { RequestId: requestId },
  };
  return Object.fromEntries(Object.entries(withThem).sort(([a], [b]) => (a < b ? -1 : 1)));
}
