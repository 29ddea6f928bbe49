/** The 48-bit linear congruential generator of java.util.Random, which AWS's seeded functions follow. */

const MULTIPLIER = 0x5deece66dn;
const MASK = (1n << 48n) - 1n;

/** `start + new java.util.Random(seed).nextInt(end - start)`. */
export function javaRandomInteger(seed: number, start: number, end: number): number {
  const bound = end - start;
  let state = (BigInt(seed) ^ MULTIPLIER) & MASK;
  const next31 = (): number => {
    state = (state * MULTIPLIER + 0xbn) & MASK;
    return Number(state >> 17n);
  };
  if (Number.isInteger(Math.log2(bound))) return start + Number((BigInt(bound) * BigInt(next31())) >> 31n);
  for (;;) {
    const bits = next31();
    const value = bits % bound;
    // Java rejects the last incomplete run of values, which shows as an overflow of its 32-bit integer.
    if (bits - value + (bound - 1) < 2 ** 31) return start + value;
  }
}

/** `new java.util.Random(seed).nextDouble()`. */
export function javaRandomDouble(seed: number): number {
  let state = (BigInt(seed) ^ MULTIPLIER) & MASK;
  const next = (bits: bigint): bigint => {
    state = (state * MULTIPLIER + 0xbn) & MASK;
    return state >> (48n - bits);
  };
  return Number((next(26n) << 27n) + next(27n)) * 2 ** -53;
}
