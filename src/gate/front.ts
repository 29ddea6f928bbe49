import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../clock/clock.ts";
import type { Parts } from "../flow.ts";
import type { HttpResponse } from "../wire/http.ts";
import { reply } from "./reply.ts";
import { RequestBody, type Budget } from "./body.ts";
import type { Limits } from "./limits.ts";
import { incompleteBody } from "./refuse.ts";
import { StallWatch } from "./stall.ts";

/** A request as it came, nothing decoded. */
export type Arrival = {
  readonly method: string;
  /** Percent-encoded as sent, without the query. */
  readonly path: string;
  /** What follows the `?`, as sent. */
  readonly search: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: RequestBody;
  readonly ip: string;
  readonly secure: boolean;
  /** Milliseconds. */
  readonly at: number;
  /** True if so much is in work that this request must be refused. */
  readonly crowded: boolean;
};
export type FrontOptions = {
  /** Must not throw: whatever goes wrong is answered. */
  readonly answer: (arrival: Arrival) => Promise<HttpResponse>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Parts["log"];
};

/** The HTTP front: one port, bounded connections, headers, bodies and waits. It knows nothing of AWS but how to refuse. */
export class Front {
  readonly #options: FrontOptions;
  readonly #watch: StallWatch;
  readonly #budget: Budget;
  readonly #stop = new AbortController();
  readonly #servers: { server: Server; secure: boolean }[] = [];
  /** The body that a connection is sending, for parse errors in the middle of it. */
  readonly #bodies = new WeakMap<Duplex, RequestBody>();
  #working = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  constructor(options: FrontOptions) {
    this.#options = options;
    this.#watch = new StallWatch(options.clock, options.limits);
    this.#budget = { used: 0, limit: options.limits.bufferedBytes };
    void this.#watch.run(this.#stop.signal);
  }

  async listen(
    address: string,
    port: number,
    tls?: { readonly key: string | Buffer; readonly cert: string | Buffer },
  ): Promise<{ port: number }> {
    const { limits } = this.#options;
    const settings = {
      maxHeaderSize: limits.headerBytes,
      keepAliveTimeout: limits.keepAliveMs,
      headersTimeout: limits.headersMs,
      // Bodies are watched by their progress: a 5 GiB upload may take hours.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(5_000, limits.headersMs),
      joinDuplicateHeaders: true,
      noDelay: true,
    };
    const handler = (request: IncomingMessage, response: ServerResponse): void =>
      this.#arrived(request, response, tls !== undefined, false);
    const server = tls ? createTlsServer({ ...settings, ...tls }, handler) : createServer(settings, handler);
    server.maxConnections = limits.connections;
    server.maxHeadersCount = limits.headerCount + 1;
    server.timeout = 0;
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) =>
      this.#arrived(request, response, tls !== undefined, true),
    );
    server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(417, { connection: "close" }).end(),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => this.#unreadable(error, socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => this.#options.log("error", "the HTTP server failed", { error: error.message }));
    this.#servers.push({ server, secure: tls !== undefined });
    return { port: (server.address() as AddressInfo).port };
  }

  /** Stops accepting, lets requests finish, then closes what is left. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const { clock, limits } = this.#options;
    const closed = this.#servers.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const { server } of this.#servers) server.closeIdleConnections();
    if (this.#working > 0) {
      const drained = new Promise<void>((resolve) => (this.#idle = resolve));
      const patience = new AbortController();
      await Promise.race([drained, clock.sleep(limits.drainMs, patience.signal)]);
      patience.abort();
    }
    for (const { server } of this.#servers) server.closeAllConnections();
    this.#stop.abort();
    await Promise.all(closed);
  }

  #arrived(request: IncomingMessage, response: ServerResponse, secure: boolean, expecting: boolean): void {
    this.#working++;
    this.#serve(request, response, secure, expecting)
      .catch((error: unknown) => {
        this.#options.log("error", "an answer could not be sent", {
          error: error instanceof Error ? error.stack : String(error),
        });
        response.destroy();
      })
      .finally(() => {
        this.#working--;
        if (this.#working === 0) this.#idle?.();
      });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, secure: boolean, expecting: boolean): Promise<void> {
    const { limits, clock } = this.#options;
    if (this.#closing) response.setHeader("connection", "close");
    if (request.rawHeaders.length > limits.headerCount * 2) {
      response.writeHead(431, { connection: "close" }).end();
      return;
    }
    let asked = !expecting;
    const proceed = (): void => {
      asked = true;
      response.writeContinue();
    };
    const body = new RequestBody(request, this.#watch, this.#budget, expecting ? proceed : undefined);
    this.#bodies.set(request.socket, body);
    try {
      const target = split(request.url ?? "/");
      const arrival: Arrival = {
        method: request.method ?? "GET",
        path: target.path,
        search: target.search,
        headers: request.headers as Readonly<Record<string, string | undefined>>,
        rawHeaders: request.rawHeaders,
        body,
        ip: addressOf(request.socket),
        secure,
        at: clock.now(),
        crowded: this.#working > limits.requests,
      };
      const answer = await this.#options.answer(arrival);
      await reply(request, response, answer, {
        sent: asked,
        watch: this.#watch,
        limits,
        clock,
        log: this.#options.log,
      });
    } finally {
      body.release();
      this.#watch.forget(body);
      this.#bodies.delete(request.socket);
    }
  }

  /** What came is no HTTP, or stopped in the middle: answered as far as that is still possible. */
  #unreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
    const body = this.#bodies.get(socket);
    if (body) {
      // The request's own handler is told; it answers if the connection still takes an answer.
      body.fail(incompleteBody());
      return;
    }
    if (!socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
    const message = status === 400 ? "An error occurred when parsing the HTTP request." : (STATUS_CODES[status] ?? "");
    const code = status === 400 ? "BadRequest" : status === 408 ? "RequestTimeout" : "RequestHeaderSectionTooLarge";
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      () => socket.destroy(),
    );
  }
}

/** Path and query of a request target; a target in absolute form (as sent to proxies) loses its origin. */
function split(target: string): { path: string; search: string } {
  const origin = /^https?:\/\/[^/?#]*/i.exec(target);
  const rest = origin ? target.slice(origin[0].length) : target;
  const cut = rest.indexOf("?");
  return cut < 0 ? { path: rest || "/", search: "" } : { path: rest.slice(0, cut) || "/", search: rest.slice(cut + 1) };
}

function addressOf(socket: Socket): string {
  const address = socket.remoteAddress ?? "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
