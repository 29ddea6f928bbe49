import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Clock } from "../clock/clock.ts";
import type { Parts } from "../flow.ts";
import type { HttpResponse } from "../wire/http.ts";
import type { Limits } from "./limits.ts";
import type { StallWatch, Waiter } from "./stall.ts";

export type ReplyOptions = {
  /** False if the client waits for `100 Continue` that it never got: then it sends no body. */
  readonly sent: boolean;
  readonly watch: StallWatch;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Parts["log"];
};

/** Sends an answer: headers and a small body in one write, a stream with back-pressure. */
export async function reply(
  request: IncomingMessage,
  response: ServerResponse,
  answer: HttpResponse,
  options: ReplyOptions,
): Promise<void> {
  const { body, headers } = answer;
  const unread = !request.complete;
  if (unread && (!options.sent || tooMuchLeft(request, options.limits))) headers["connection"] = "close";
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    await stream(response, answer, body, options);
    return;
  }
  if (!bodiless(answer.status)) headers["content-length"] = String(lengthOf(headers, body, request.method === "HEAD"));
  response.writeHead(answer.status, headers);
  if (!unread || !options.sent) {
    response.end(body);
    return;
  }
  await linger(request, response, body, options);
}

const bodiless = (status: number): boolean => status === 204 || status === 304 || status < 200;

/** A HEAD answer has the length of the body that it leaves out, which only the handler knows. */
function lengthOf(headers: Record<string, string>, body: string | Uint8Array, head: boolean): number {
  if (head) {
    for (const name in headers) {
      if (name.toLowerCase() !== "content-length") continue;
      const stated = Number(headers[name]);
      if (name !== "content-length") delete headers[name];
      return stated;
    }
  }
  for (const name in headers)
    if (name !== "content-length" && name.toLowerCase() === "content-length") delete headers[name];
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}

function tooMuchLeft(request: IncomingMessage, limits: Limits): boolean {
  const length = request.headers["content-length"];
  return length === undefined || Number(length) > limits.lingerBytes;
}

/**
 * The answer is out before the body was read. A connection closed at once would be reset and the client would never
 * see the answer, so the rest of the body is read and thrown away for a while.
 */
async function linger(
  request: IncomingMessage,
  response: ServerResponse,
  body: string | Uint8Array,
  options: ReplyOptions,
): Promise<void> {
  response.write(body.length > 0 ? body : Buffer.alloc(0));
  if (body.length === 0) response.flushHeaders();
  const patience = new AbortController();
  let left = options.limits.lingerBytes;
  const done = new Promise<void>((resolve) => {
    request.on("data", (part: Buffer) => {
      left -= part.length;
      if (left < 0) resolve();
    });
    request
      .once("end", resolve)
      .once("error", () => resolve())
      .once("close", resolve);
    if (request.destroyed) resolve();
    request.resume();
  });
  await Promise.race([done, options.clock.sleep(options.limits.lingerMs, patience.signal)]);
  patience.abort();
  response.end();
  if (!request.complete) request.socket.destroySoon();
}

async function stream(
  response: ServerResponse,
  answer: HttpResponse,
  source: AsyncIterable<Uint8Array>,
  options: ReplyOptions,
): Promise<void> {
  // A client that goes away must not leave a file open until its next byte is read.
  const abandon = (): void => {
    if (source instanceof Readable) source.destroy();
  };
  response.once("close", abandon);
  let left = Number(answer.headers["content-length"] ?? answer.headers["Content-Length"] ?? Number.NaN);
  try {
    response.writeHead(answer.status, answer.headers);
    for await (const part of source) {
      if (response.destroyed) return;
      left -= part.length;
      if (left < 0) throw new Error("a handler sent more bytes than it announced");
      if (!response.write(part)) await drained(response, options.watch);
    }
    if (left > 0) throw new Error("a handler sent fewer bytes than it announced");
    response.end();
  } catch (error) {
    // The headers are out: only a broken connection can say that the body is not whole.
    if (!response.destroyed)
      options.log("error", "an answer broke off", { error: error instanceof Error ? error.message : String(error) });
    response.destroy();
  } finally {
    response.off("close", abandon);
  }
}

/** Resolves when the client has read enough; a client that stops reading is cut off. */
function drained(response: ServerResponse, watch: StallWatch): Promise<void> {
  return new Promise<void>((resolve) => {
    const waiter: Waiter = { cutOff: () => response.destroy() };
    const settle = (): void => {
      response.off("drain", settle).off("close", settle);
      watch.forget(waiter);
      resolve();
    };
    watch.begin(waiter);
    response.once("drain", settle).once("close", settle);
    if (response.destroyed) settle();
  });
}
