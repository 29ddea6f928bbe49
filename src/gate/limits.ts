/** Every queue, cache, body and wait of the gate has a limit; these are their defaults. */
export type Limits = {
  /** Open connections; further ones are closed as they come. */
  readonly connections: number;
  /** Requests in work at once; further ones are answered 503 SlowDown. */
  readonly requests: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  /** A JSON, query or CBOR body, unless the service names its own limit. */
  readonly documentBytes: number;
  /** One object or part: AWS's 5 GiB. */
  readonly objectBytes: number;
  /** Bodies held in memory, all requests together; above it 503 SlowDown. */
  readonly bufferedBytes: number;
  /** A connection must have sent its headers by then. */
  readonly headersMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** The longest pause inside a body, and inside the reading of an answer. */
  readonly idleMs: number;
  /** A body that we waited for longer than `idleMs` in all must have come at least this fast. */
  readonly bodyBytesPerSecond: number;
  /** How long, and how much of, a refused body is read and thrown away so that its sender sees the answer. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
  /** How long `close` waits for requests in work. */
  readonly drainMs: number;
};

export const LIMITS: Limits = {
  connections: 16_384,
  requests: 4_096,
  headerBytes: 16 * 1024,
  headerCount: 128,
  documentBytes: 2 * 1024 * 1024,
  objectBytes: 5 * 1024 ** 3,
  bufferedBytes: 256 * 1024 * 1024,
  headersMs: 20_000,
  keepAliveMs: 72_000,
  idleMs: 20_000,
  bodyBytesPerSecond: 512,
  lingerMs: 2_000,
  lingerBytes: 16 * 1024 * 1024,
  drainMs: 10_000,
};
