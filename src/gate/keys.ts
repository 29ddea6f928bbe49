import { createHmac, createSecretKey, hash, timingSafeEqual, type KeyObject } from "node:crypto";

/** SHA-256 of nothing. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export const sha256 = (data: string | Uint8Array): string => hash("sha256", data, "hex");

const chain = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The key that signs one day's requests to one service in one region. */
export function signingKey(secret: string, date: string, region: string, service: string): KeyObject {
  return createSecretKey(chain(chain(chain(chain(`AWS4${secret}`, date), region), service), "aws4_request"));
}

/** Hex signature of a string to sign. A KeyObject costs 2 µs where a Buffer costs 17. */
export const signature = (key: KeyObject, stringToSign: string): string =>
  createHmac("sha256", key).update(stringToSign).digest("hex");

/** Compares two hex signatures in constant time. */
export function sameSignature(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"));
}

/** Signing keys in use, the oldest of which leave when there are too many. */
export class SigningKeys {
  readonly #keys = new Map<string, { secret: string; key: KeyObject }>();
  readonly #limit: number;
  constructor(limit = 2_000) {
    this.#limit = limit;
  }
  get(accessKeyId: string, secret: string, date: string, region: string, service: string): KeyObject {
    const name = `${accessKeyId}/${date}/${region}/${service}`;
    const known = this.#keys.get(name);
    if (known && known.secret === secret) return known.key;
    const key = signingKey(secret, date, region, service);
    this.#keys.delete(name);
    this.#keys.set(name, { secret, key });
    if (this.#keys.size > this.#limit) {
      const oldest = this.#keys.keys().next();
      if (!oldest.done) this.#keys.delete(oldest.value);
    }
    return key;
  }
}
