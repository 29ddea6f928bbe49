import { createHash, type Hash } from "node:crypto";
import { fault, type AwsFault } from "../wire/fault.ts";
import { EMPTY_SHA256, sameSignature, sha256, signature } from "./keys.ts";
import { incompleteBody, wrongSignature } from "./refuse.ts";
import type { Seed } from "./signature.ts";

const LINE_LIMIT = 4 * 1024;
const TRAILER_LIMIT = 16;

/**
 * Decodes S3's `aws-chunked` bodies and verifies each chunk's signature, which is chained to the one before it and
 * the first to the request's own. Data is handed out as it comes; a wrong signature throws at the end of its chunk,
 * so whoever stores the data must commit nothing before `end()` was answered.
 */
export class ChunkDecoder {
  readonly #seed: Seed | undefined;
  readonly #declared: readonly string[];
  readonly #decodedLength: number;
  readonly #trailers: Record<string, string> = {};
  #previous: string;
  #state: "header" | "data" | "gap" | "trailer" | "done" = "header";
  #line = "";
  #left = 0;
  #total = 0;
  #claimed = "";
  #hash: Hash | undefined;
  #trailerSigned: boolean;
  #trailerText = "";
  #trailerCount = 0;

  /** Without a seed, chunks carry no signatures (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`). `declared` names the trailers announced. */
  constructor(options: {
    readonly seed?: Seed | undefined;
    readonly declared: readonly string[];
    readonly decodedLength: number;
  }) {
    this.#seed = options.seed;
    this.#declared = options.declared;
    this.#decodedLength = options.decodedLength;
    this.#previous = options.seed?.signature ?? "";
    this.#trailerSigned = options.seed === undefined || options.declared.length === 0;
  }

  /** Takes the next raw bytes and answers the decoded data in them. */
  push(bytes: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const part = bytes.subarray(at, at + this.#left);
        at += part.length;
        this.#data(part);
        out.push(part);
        continue;
      }
      const end = bytes.indexOf(10, at);
      const stop = end < 0 ? bytes.length : end;
      this.#line += bytes.toString("latin1", at, stop);
      if (this.#line.length > LINE_LIMIT) throw malformedChunk();
      at = stop + 1;
      if (end < 0) break;
      const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
      this.#line = "";
      this.#take(line);
    }
    return out;
  }

  /** Must be called when the raw body has ended; answers the trailers. */
  end(): Readonly<Record<string, string>> {
    if (this.#state === "trailer" && (this.#line === "" || this.#line === "\r")) this.#finish();
    if (this.#state !== "done") throw incompleteBody("The request body terminated unexpectedly");
    if (this.#total !== this.#decodedLength) throw incompleteBody();
    return this.#trailers;
  }

  #take(line: string): void {
    if (this.#state === "header") this.#header(line);
    else if (this.#state === "gap") {
      if (line !== "") throw malformedChunk();
      this.#state = "header";
    } else if (this.#state === "trailer") this.#trailer(line);
    else if (line !== "") throw malformedTrailer();
  }

  #header(line: string): void {
    const parts = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!parts || (this.#seed !== undefined && parts[2] === undefined)) throw malformedChunk();
    this.#left = Number.parseInt(parts[1] ?? "", 16);
    this.#claimed = parts[2] ?? "";
    if (this.#total + this.#left > this.#decodedLength) throw incompleteBody();
    if (this.#left > 0) {
      this.#state = "data";
      return;
    }
    this.#verify(EMPTY_SHA256);
    this.#state = "trailer";
  }

  #data(part: Buffer): void {
    const whole = this.#hash === undefined && part.length === this.#left;
    this.#left -= part.length;
    this.#total += part.length;
    if (this.#seed !== undefined) {
      if (whole) this.#verify(sha256(part));
      else {
        this.#hash ??= createHash("sha256");
        this.#hash.update(part);
        if (this.#left === 0) {
          this.#verify(this.#hash.digest("hex"));
          this.#hash = undefined;
        }
      }
    }
    if (this.#left === 0) this.#state = "gap";
  }

  #verify(hash: string): void {
    if (this.#seed === undefined) return;
    const { key, timestamp, scope } = this.#seed;
    const toSign = `AWS4-HMAC-SHA256-PAYLOAD\n${timestamp}\n${scope}\n${this.#previous}\n${EMPTY_SHA256}\n${hash}`;
    if (!sameSignature(signature(key, toSign), this.#claimed))
      throw wrongSignature("s3", { StringToSign: toSign, SignatureProvided: this.#claimed });
    this.#previous = this.#claimed;
  }

  #trailer(line: string): void {
    if (line === "") {
      // AWS's own example has an empty line between the trailing headers and their signature.
      if (this.#trailerSigned) this.#finish();
      return;
    }
    const cut = line.indexOf(":");
    const name = line.slice(0, Math.max(cut, 0)).trim().toLowerCase();
    const value = line.slice(cut + 1).trim();
    if (name === "" || ++this.#trailerCount > TRAILER_LIMIT) throw malformedTrailer();
    if (name === "x-amz-trailer-signature") {
      if (this.#seed === undefined) return;
      const { key, timestamp, scope } = this.#seed;
      const toSign = `AWS4-HMAC-SHA256-TRAILER\n${timestamp}\n${scope}\n${this.#previous}\n${sha256(this.#trailerText)}`;
      if (!sameSignature(signature(key, toSign), value))
        throw wrongSignature("s3", { StringToSign: toSign, SignatureProvided: value });
      this.#trailerSigned = true;
      return;
    }
    if (!this.#declared.includes(name) || Object.hasOwn(this.#trailers, name)) throw malformedTrailer();
    this.#trailers[name] = value;
    this.#trailerText += `${name}:${value}\n`;
  }

  #finish(): void {
    if (!this.#trailerSigned) throw malformedTrailer();
    for (const name of this.#declared) if (!Object.hasOwn(this.#trailers, name)) throw malformedTrailer();
    this.#state = "done";
  }
}

const malformedChunk = (): AwsFault =>
  fault("InvalidChunkSizeError", "The chunk header of the request body is malformed.", { status: 400 });
const malformedTrailer = (): AwsFault =>
  fault(
    "MalformedTrailerError",
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    { status: 400 },
  );
