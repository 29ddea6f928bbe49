import type { Chance } from "./random.ts";

/** How likely each misfortune is in a run, and whether it is the time for it. */
export type Weather = {
  /** A transaction is refused before it begins, taken back at its commit, or committed and not acknowledged. */
  readonly refused: number;
  readonly aborted: number;
  readonly unacknowledged: number;
  /** A commit is acknowledged to its caller late. */
  readonly late: number;
  readonly unread: number;
  /** The disk's sync takes long, or fails for the whole group. */
  readonly slowSync: number;
  readonly failedSync: number;
  /** An effect is done twice, or sets out or settles late. */
  readonly doubled: number;
  readonly delayed: number;
  /** A large object cannot be written or read, or takes long. */
  readonly lostBlob: number;
  readonly slowBlob: number;
  /** Milliseconds between kills, and between the times when the disk is full or the clock jumps; 0 means never. */
  readonly killEveryMs: number;
  readonly fullEveryMs: number;
  readonly jumpEveryMs: number;
};

export const CALM: Weather = {
  refused: 0,
  aborted: 0,
  unacknowledged: 0,
  late: 0,
  unread: 0,
  slowSync: 0,
  failedSync: 0,
  doubled: 0,
  delayed: 0,
  lostBlob: 0,
  slowBlob: 0,
  killEveryMs: 0,
  fullEveryMs: 0,
  jumpEveryMs: 0,
};

/** Each misfortune is absent from some runs, rare in some and common in others, so that none hides behind another. */
export function weatherOf(chance: Chance): Weather {
  const share = (): number => chance.pick([0, 0.01, 0.03, 0.1]);
  const pause = (): number => chance.pick([0, 8_000, 20_000, 40_000]);
  return {
    refused: share(),
    aborted: share(),
    unacknowledged: share(),
    late: share(),
    unread: share() / 4,
    slowSync: share(),
    failedSync: share() / 2,
    doubled: share() * 3,
    delayed: share() * 3,
    lostBlob: share() * 2,
    slowBlob: share() * 3,
    killEveryMs: chance.pick([0, 3_000, 8_000, 20_000, 40_000]),
    fullEveryMs: pause(),
    jumpEveryMs: pause(),
  };
}
