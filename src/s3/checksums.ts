import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { fault } from "../wire/fault.ts";
import { CRC32, CRC32C, CRC64NVME, crcCombine, crcUpdate, type Crc } from "./crc.ts";

/** The checksums of S3. `MD5` is also what an ETag is made of. */
export type Algorithm = "CRC32" | "CRC32C" | "CRC64NVME" | "SHA1" | "SHA256" | "SHA512" | "MD5";
/** Whether a multipart object's checksum is of its bytes, or of its parts' checksums. */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";
/** A checksum as it is kept beside an object; `value` is base64, with `-N` when it is composite. */
export type Checksum = { readonly algorithm: Algorithm; readonly value: string; readonly type: ChecksumType };

const BYTES: Readonly<Record<Algorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
  SHA512: 64,
  MD5: 16,
};
export const ALGORITHMS = Object.keys(BYTES) as readonly Algorithm[];
const CRCS: Partial<Readonly<Record<Algorithm, Crc>>> = { CRC32, CRC32C, CRC64NVME };
/** What AWS keeps for an object that came without a checksum. */
export const DEFAULT_ALGORITHM: Algorithm = "CRC64NVME";

/** The algorithm that a request names; absent if it names none. */
export function algorithmNamed(name: string | undefined): Algorithm | undefined {
  if (name === undefined) return undefined;
  const algorithm = ALGORITHMS.find((known) => known === name.toUpperCase());
  if (algorithm) return algorithm;
  if (/^XXHASH/i.test(name))
    throw fault("NotImplemented", `The checksum algorithm ${name} is not implemented.`, { status: 501 });
  throw fault(
    "InvalidRequest",
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    { status: 400 },
  );
}

/** The checksum that a request carries in its headers. Throws if there are several, or if it cannot be one. */
export function checksumGiven(input: object): { algorithm: Algorithm; value: string } | undefined {
  const given = Object.entries(input).filter(
    ([name, value]) => /^Checksum(?!Algorithm$|Type$|Mode$)/.test(name) && typeof value === "string",
  );
  if (given.length > 1)
    throw fault(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
      { status: 400 },
    );
  const [first] = given;
  if (!first) return undefined;
  return checked(first[0].slice("Checksum".length), String(first[1]));
}

/** The checksum that came in the trailer of a body. */
export function checksumTrailed(
  trailers: Readonly<Record<string, string>>,
): { algorithm: Algorithm; value: string } | undefined {
  for (const [name, value] of Object.entries(trailers)) {
    const match = /^x-amz-checksum-(.+)$/i.exec(name);
    if (match?.[1]) return checked(match[1], value);
  }
  return undefined;
}

function checked(name: string, value: string): { algorithm: Algorithm; value: string } {
  const algorithm = algorithmNamed(name);
  const bytes = algorithm && /^[A-Za-z0-9+/]+={0,2}$/.test(value) ? Buffer.from(value, "base64").length : 0;
  if (!algorithm || bytes !== BYTES[algorithm])
    throw fault("InvalidRequest", `Value for x-amz-checksum-${name.toLowerCase()} header is invalid.`, { status: 400 });
  return { algorithm, value };
}

/** Content-MD5 as a base64 text of sixteen bytes. */
export function contentMd5(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!/^[A-Za-z0-9+/]{22}==$/.test(value))
    throw fault("InvalidDigest", "The Content-MD5 you specified was invalid.", {
      status: 400,
      detail: { "Content-MD5": value },
    });
  return value;
}

export function checksumMembers(checksum: Pick<Checksum, "algorithm" | "value"> | undefined): Record<string, string> {
  return checksum ? { [`Checksum${checksum.algorithm}`]: checksum.value } : {};
}

/** Several digests of the same bytes, fed piece by piece. */
export class Digests {
  readonly #steps: ((bytes: Uint8Array) => void)[] = [];
  readonly #results: [Algorithm, () => Buffer][] = [];
  constructor(algorithms: readonly Algorithm[]) {
    for (const algorithm of new Set(algorithms)) {
      const crc = CRCS[algorithm];
      if (algorithm === "CRC32") {
        let state = 0;
        this.#steps.push((bytes) => (state = crc32(bytes, state)));
        this.#results.push([algorithm, () => crcBytes(BigInt(state), 4)]);
      } else if (crc) {
        let state = 0n;
        this.#steps.push((bytes) => (state = crcUpdate(crc, state, bytes)));
        this.#results.push([algorithm, () => crcBytes(state, BYTES[algorithm])]);
      } else {
        const digest = createHash(algorithm.toLowerCase());
        this.#steps.push((bytes) => digest.update(bytes));
        this.#results.push([algorithm, () => digest.digest()]);
      }
    }
  }
  update(bytes: Uint8Array): void {
    for (const step of this.#steps) step(bytes);
  }
  /** Base64, by algorithm. */
  values(): Digested {
    return Object.fromEntries(this.#results.map(([algorithm, result]) => [algorithm, result().toString("base64")]));
  }
}
export type Digested = Partial<Readonly<Record<Algorithm, string>>>;

/** The digests of bytes that are all there: cheaper than `Digests` for small ones. */
export function digestsOf(bytes: Uint8Array, algorithms: readonly Algorithm[]): Digested {
  const values: Partial<Record<Algorithm, string>> = {};
  for (const algorithm of algorithms) {
    const crc = CRCS[algorithm];
    if (algorithm === "CRC32") values.CRC32 = crcBytes(BigInt(crc32(bytes)), 4).toString("base64");
    else if (crc) values[algorithm] = crcBytes(crcUpdate(crc, 0n, bytes), BYTES[algorithm]).toString("base64");
    else values[algorithm] = hash(algorithm.toLowerCase(), bytes, "base64");
  }
  return values;
}

function crcBytes(value: bigint, bytes: number): Buffer {
  return Buffer.from(value.toString(16).padStart(bytes * 2, "0"), "hex");
}

/** The checksum of a whole that is made of parts, from the parts' checksums. */
export function combined(
  algorithm: Algorithm,
  type: ChecksumType,
  parts: readonly { readonly value: string; readonly size: number }[],
): Checksum {
  if (type === "COMPOSITE") {
    const all = Buffer.concat(parts.map(({ value }) => Buffer.from(value, "base64")));
    return { algorithm, type, value: `${digestsOf(all, [algorithm])[algorithm]}-${parts.length}` };
  }
  const crc = CRCS[algorithm];
  if (!crc) throw new Error(`${algorithm} checksums cannot be combined`);
  let state = 0n;
  for (const { value, size } of parts) {
    const part = BigInt(`0x${Buffer.from(value, "base64").toString("hex")}`);
    state = crcCombine(crc, state, part, size);
  }
  return { algorithm, type, value: crcBytes(state, BYTES[algorithm]).toString("base64") };
}

/** The type of an upload's checksum: what was asked for, if the algorithm can do it. */
export function checksumTypeFor(algorithm: Algorithm, asked: string | undefined): ChecksumType {
  const crc = CRCS[algorithm] !== undefined;
  const possible: readonly ChecksumType[] =
    algorithm === "CRC64NVME" ? ["FULL_OBJECT"] : crc ? ["COMPOSITE", "FULL_OBJECT"] : ["COMPOSITE"];
  const type = possible.find((one) => one === asked);
  if (type) return type;
  if (asked !== undefined)
    throw fault(
      "InvalidRequest",
      `The ${asked} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
      { status: 400 },
    );
  return possible[0] ?? "COMPOSITE";
}
