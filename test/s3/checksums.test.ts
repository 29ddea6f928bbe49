import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { combined, Digests, digestsOf, type Algorithm } from "../../src/s3/checksums.ts";
import { Hashing } from "../../src/s3/hashing.ts";

/** The check values that the catalogues give for the nine bytes `123456789`. */
const CHECK: Readonly<Partial<Record<Algorithm, string>>> = {
  CRC32: "cbf43926",
  CRC32C: "e3069283",
  CRC64NVME: "ae8b14860a799888",
  MD5: "25f9e794323b453885f5181f1b624d0b",
  SHA1: "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
};
const ALL: readonly Algorithm[] = ["CRC32", "CRC32C", "CRC64NVME", "MD5", "SHA1", "SHA256", "SHA512"];

void test("every algorithm has its published check value", () => {
  const values = digestsOf(Buffer.from("123456789"), ALL);
  for (const [algorithm, hex] of Object.entries(CHECK))
    assert.equal(Buffer.from(values[algorithm as Algorithm] ?? "", "base64").toString("hex"), hex, algorithm);
});

void test("bytes in pieces have the digests of the whole, and CRCs of parts combine to it", () => {
  const property = fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), (pieces) => {
    const whole = Buffer.concat(pieces);
    const digests = new Digests(ALL);
    for (const piece of pieces) digests.update(piece);
    const expected = digestsOf(whole, ALL);
    assert.deepEqual(digests.values(), expected);
    for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME"] as const) {
      const parts = pieces.map((piece) => ({
        value: digestsOf(piece, [algorithm])[algorithm] ?? "",
        size: piece.length,
      }));
      assert.equal(combined(algorithm, "FULL_OBJECT", parts).value, expected[algorithm]);
    }
  });
  fc.assert(property, { seed: 64, numRuns: 200 });
});

void test("a composite checksum is that of the parts' checksums", () => {
  const parts = ["one", "two"].map((text) => digestsOf(Buffer.from(text), ["SHA256"]).SHA256 ?? "");
  const all = Buffer.concat(parts.map((value) => Buffer.from(value, "base64")));
  const composite = combined(
    "SHA256",
    "COMPOSITE",
    parts.map((value) => ({ value, size: 3 })),
  );
  assert.equal(composite.value, `${digestsOf(all, ["SHA256"]).SHA256}-2`);
});

void test("large bodies hashed in the worker, several at once, have the digests of the same bytes", async () => {
  const hashing = new Hashing();
  try {
    const bodies = [1, 2, 3].map((seed) => Buffer.alloc(3_500_000 + seed, `body ${seed}`));
    await Promise.all(
      bodies.map(async (body) => {
        const stream = hashing.open(["MD5", "CRC64NVME"]);
        for (let at = 0; at < body.length; at += 100_003) await stream.update(body.subarray(at, at + 100_003));
        assert.deepEqual(await stream.values(), digestsOf(body, ["MD5", "CRC64NVME"]));
      }),
    );
  } finally {
    await hashing.stop();
  }
});
