import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { fault } from "../wire/fault.ts";

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Checks what the client said of a document's digest (`Content-MD5`, `x-amz-checksum-*`, in a header or a trailer):
 * S3's DeleteObjects and configuration calls carry one. Objects are not checked here but where they are stored.
 */
export function checkDigests(headers: Headers, bytes: Buffer, trailers: Readonly<Record<string, string>>): void {
  const md5 = headers["content-md5"];
  if (typeof md5 === "string") {
    if (!/^[A-Za-z0-9+/]{22}==$/.test(md5))
      throw fault("InvalidDigest", "The Content-MD5 you specified is not valid.", {
        status: 400,
        detail: { "Content-MD5": md5 },
      });
    const computed = hash("md5", bytes, "base64");
    if (computed !== md5) {
      const detail = { ExpectedDigest: md5, CalculatedDigest: computed };
      throw fault("BadDigest", "The Content-MD5 you specified did not match what we received.", {
        status: 400,
        detail,
      });
    }
  }
  for (const [algorithm, compute] of ALGORITHMS) {
    const name = `x-amz-checksum-${algorithm}`;
    const sent = headers[name] ?? trailers[name];
    if (typeof sent !== "string") continue;
    if (sent !== compute(bytes)) {
      throw fault("BadDigest", `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`, {
        status: 400,
      });
    }
  }
}

const ALGORITHMS: readonly (readonly [name: string, compute: (bytes: Buffer) => string])[] = [
  ["crc32", (bytes) => base64Of32(crc32(bytes))],
  ["crc32c", (bytes) => base64Of32(crc32c(bytes))],
  ["crc64nvme", crc64nvme],
  ["sha1", (bytes) => hash("sha1", bytes, "base64")],
  ["sha256", (bytes) => hash("sha256", bytes, "base64")],
];

function base64Of32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString("base64");
}

let table32: Uint32Array | undefined;
function crc32c(bytes: Buffer): number {
  table32 ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table32[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

let table64: { high: Uint32Array; low: Uint32Array } | undefined;
/** CRC-64/NVME in two halves of 32 bits: big integers would cost a hundred times as much. */
function crc64nvme(bytes: Buffer): string {
  table64 ??= makeTable64();
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of bytes) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (table64.low[index] ?? 0);
    high = (high >>> 8) ^ (table64.high[index] ?? 0);
  }
  const out = Buffer.alloc(8);
  out.writeUInt32BE((high ^ 0xffffffff) >>> 0, 0);
  out.writeUInt32BE((low ^ 0xffffffff) >>> 0, 4);
  return out.toString("base64");
}
function makeTable64(): { high: Uint32Array; low: Uint32Array } {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let index = 0; index < 256; index++) {
    let value = BigInt(index);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ 0x9a6c9329ac4bc9b5n : value >> 1n;
    high[index] = Number(value >> 32n);
    low[index] = Number(value & 0xffffffffn);
  }
  return { high, low };
}
