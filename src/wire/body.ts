import { fault } from "./fault.ts";
import type { Body } from "./service.ts";

/** Bytes at hand as a request's body. */
export function bodyOf(bytes: Uint8Array): Body {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    length: buffer.length,
    async bytes(limit) {
      if (buffer.length > limit)
        throw fault("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", { status: 400 });
      return buffer;
    },
    trailers: () => ({}),
    async *[Symbol.asyncIterator]() {
      if (buffer.length > 0) yield buffer;
    },
  };
}
