/**
 * Task tokens: opaque text that carries which execution it belongs to, sealed (AES-256-GCM) with a key that the
 * installation keeps in its database. Every node can tell a token that was given out from one that was not, without
 * a lookup, also after a restart.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { LETTERS_AND_DIGITS } from "../clock/clock.ts";
import type { Parts } from "../flow.ts";
import type { ExecutionKey } from "./arns.ts";
import { insertSecret, secretByName } from "./rows/activities.ts";

const SECRET = "task-token";
/** AWS's tokens have more than 600 characters: columns and queues that take these must take those. */
const SHORTEST_BYTES = 448;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER = Buffer.from("AQCEAAAAKgAAAAMAAAAAAAAA", "base64");

export class TaskTokens {
  readonly #parts: Pick<Parts, "relay" | "clock">;
  #key: Buffer | undefined;
  constructor(parts: Pick<Parts, "relay" | "clock">) {
    this.#parts = parts;
  }

  /** Reads the installation's key, made by whichever node is first. */
  async load(): Promise<void> {
    const { relay, clock } = this.#parts;
    const secret = await relay.transact(async (transaction) => {
      await insertSecret(transaction, SECRET, clock.text(48, LETTERS_AND_DIGITS));
      return secretByName(transaction, SECRET);
    });
    if (secret === undefined) throw new Error("the key of task tokens cannot be kept");
    this.#key = digest(secret);
  }

  /** A new token for a task of an execution. */
  seal(key: ExecutionKey): string {
    const nonce = digest(this.#parts.clock.uuid()).subarray(0, NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#loaded(), nonce);
    const text = JSON.stringify([key.machine, key.name]).padEnd(SHORTEST_BYTES);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([HEADER, nonce, cipher.getAuthTag(), sealed]).toString("base64");
  }

  /** The execution that a token belongs to; undefined if this installation did not give it out, or it was altered. */
  open(token: string): ExecutionKey | undefined {
    const bytes = Buffer.from(token, "base64");
    const nonceAt = HEADER.length;
    const tagAt = nonceAt + NONCE_BYTES;
    const textAt = tagAt + TAG_BYTES;
    // Decoding base64 is lenient: only the text that was given out is the token.
    if (bytes.length <= textAt || bytes.toString("base64") !== token) return undefined;
    if (!bytes.subarray(0, nonceAt).equals(HEADER)) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#loaded(), bytes.subarray(nonceAt, tagAt));
    decipher.setAuthTag(bytes.subarray(tagAt, textAt));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]).toString("utf8");
      const [machine, name] = JSON.parse(text) as readonly [string, string];
      return { machine, name };
    } catch {
      return undefined;
    }
  }

  #loaded(): Buffer {
    if (this.#key === undefined) throw new Error("task tokens are used before the room has started");
    return this.#key;
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Tasks whose token goes to somebody outside: all others are known by a short name that nobody sees. */
export function givesToken(resource: string): boolean {
  return resource.endsWith(".waitForTaskToken") || /^arn:[^:]*:states:[^:]*:[^:]*:activity:/.test(resource);
}
