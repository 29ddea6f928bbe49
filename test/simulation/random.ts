/** A stream of chance that one number decides. Streams of different names are independent of one another. */
export type Chance = {
  /** In [0, 1). */
  readonly random: () => number;
  /** In [from, to). */
  readonly between: (from: number, to: number) => number;
  readonly whole: (from: number, to: number) => number;
  readonly is: (probability: number) => boolean;
  readonly pick: <T>(from: readonly [T, ...T[]]) => T;
};

export function chance(seed: number, name: string): Chance {
  let state = seed >>> 0;
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x9e3779b1) >>> 0;
  /** mulberry32 */
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + (to - from) * random();
  const whole = (from: number, to: number): number => Math.floor(between(from, to));
  return {
    random,
    between,
    whole,
    is: (probability) => random() < probability,
    pick: (from) => from[whole(0, from.length)] ?? from[0],
  };
}
