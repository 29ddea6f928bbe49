/** The only doors to time and chance: everything that needs either is handed a `Clock`, so that tests can drive both. */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now()`. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A UUID, lower case. Those of one clock sort in the order they were made, so that rows named by them are written side by side. */
  uuid(): string;
  /** `length` characters of `alphabet`, each chosen independently. */
  text(length: number, alphabet: string): string;
  /** A number in [0, 1). */
  random(): number;
}

export const UPPER_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
export const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
export const HEX_UPPER = "0123456789ABCDEF";
