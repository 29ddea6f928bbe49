/** The bytes of a request do not spell a value of the shape. Each protocol turns it into its own fault. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Deeper documents are refused rather than followed. */
export const MOST_DEPTH = 100;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Bytes that are not UTF-8 are refused: replacing them would keep something else than was sent. */
export function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Malformed("The request body is not UTF-8");
  }
}

/** A plain object takes `__proto__` for its prototype; a map's key must stay a key. */
export function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
  else map[key] = value;
}
