/** IP addresses and CIDR blocks of IpAddress conditions, versions 4 and 6. */

/** The address as bytes: 4 or 16 of them. */
type Address = readonly number[];
export type Block = { readonly address: Address; readonly bits: number };

/** `203.0.113.0/24`, `2001:db8::/32`, or a single address; undefined if it is none of these. */
export function parseBlock(text: string): Block | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = slash < 0 ? address.length * 8 : decimal(text.slice(slash + 1), address.length * 8);
  return bits === undefined ? undefined : { address, bits };
}

/** Is the address within the block? Text that is no address (a service's name) is in no block. */
export function inBlock(text: string, block: Block): boolean {
  const address = parseAddress(text);
  if (!address || address.length !== block.address.length) return false;
  const whole = block.bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== block.address[at]) return false;
  const rest = block.bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((address[whole] ?? 0) & mask) === ((block.address[whole] ?? 0) & mask);
}

function parseAddress(text: string): Address | undefined {
  // A version 4 client on a dual-stack socket shows as `::ffff:203.0.113.7`; policies mean the version 4 address.
  if (text.startsWith("::ffff:") && text.includes(".")) return parseFour(text.slice(7));
  return text.includes(":") ? parseSix(text) : parseFour(text);
}

function parseFour(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) => decimal(part, 255));
  return bytes.every((byte) => byte !== undefined) ? bytes : undefined;
}

function parseSix(text: string): Address | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "");
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "") : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return groups.flatMap((group) => [group >> 8, group & 0xff]);
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}

function decimal(text: string, limit: number): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= limit ? number : undefined;
}
