/** IP addresses as the pattern language reads them: dotted decimal, or IPv6 with `::` and an optional dotted tail. */
export type Address = { readonly bits: 32 | 128; readonly value: bigint };

/** Reads an address literal; undefined if the text is none. */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(":")) return parseVersion6(text);
  const value = parseVersion4(text);
  return value === undefined ? undefined : { bits: 32, value };
}

/** A range of addresses: `address` has its host bits cleared. */
export type Range = { readonly bits: 32 | 128; readonly shift: bigint; readonly prefix: bigint };

export function rangeOf(address: Address, maskBits: number): Range {
  const shift = BigInt(address.bits - maskBits);
  return { bits: address.bits, shift, prefix: address.value >> shift };
}

export function inRange(range: Range, text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && address.bits === range.bits && address.value >> range.shift === range.prefix;
}

function parseVersion4(text: string): bigint | undefined {
  if (text.length > 15 || !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return undefined;
  let value = 0;
  for (const part of text.split(".")) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return BigInt(value);
}

function parseVersion6(text: string): Address | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? "", true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<number>(Math.max(0, missing)).fill(0), ...tail])
    value = (value << 16n) | BigInt(group);
  return { bits: 128, value };
}

/** 16-bit groups; the last may be a dotted IPv4 address when `last` says that this is the end of the literal. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const result: number[] = [];
  for (const [position, part] of parts.entries()) {
    if (last && position === parts.length - 1 && part.includes(".")) {
      const dotted = parseVersion4(part);
      if (dotted === undefined) return undefined;
      result.push(Number(dotted >> 16n), Number(dotted & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      result.push(Number.parseInt(part, 16));
    }
  }
  return result;
}
