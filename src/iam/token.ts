/**
 * Session tokens. A token is sealed (AES-256-GCM, with a key that the installation keeps in its database) and holds
 * everything about the session, so verifying one needs no lookup and every node can do it.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { LETTERS_AND_DIGITS } from "../clock/clock.ts";
import type { Clock } from "../clock/clock.ts";
import type { Principal } from "../flow.ts";

/** Those who can have temporary credentials. */
export type Bearer = Extract<Principal, { kind: "root" | "user" | "session" }>;
export type Session = {
  readonly principal: Bearer;
  readonly secret: string;
  /** Milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Keys of session tags that further roles in a chain inherit. */
  readonly transitive?: readonly string[];
};

const HEADER = "IQoJ";

/** A key for `seal`, as text. */
export function newSealingKey(clock: Clock): string {
  return clock.text(48, LETTERS_AND_DIGITS);
}

/** The token of a session. Sealed tokens of one session differ, because the nonce does. */
export function seal(session: Session, key: string, clock: Clock): string {
  const nonce = createHash("sha256").update(clock.uuid()).digest().subarray(0, 12);
  const cipher = createCipheriv("aes-256-gcm", keyBytes(key), nonce);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(session), "utf8"), cipher.final()]);
  return HEADER + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** The session of a token; undefined if this installation did not seal it, or it was altered. */
export function unseal(token: string, key: string): Session | undefined {
  if (!token.startsWith(HEADER)) return undefined;
  const bytes = Buffer.from(token.slice(HEADER.length), "base64");
  if (bytes.length < 29) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", keyBytes(key), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  try {
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    return JSON.parse(text) as Session;
  } catch {
    return undefined;
  }
}

function keyBytes(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
