/**
 * What one evaluation may use. It is counted, so that an expression ends the same way everywhere; the clock, and that of
 * expression.ts for regular expressions, is only for what costs far more than its count.
 */
import type { Meter } from "./library.ts";

/** AWS: "Stack overflow error: … Depth=101 max=100". */
const DEPTH_MAX = 100;
/** Steps of evaluation, and as many again for every sixteen elements that were moved: about a second. */
const WORK_MAX = 1_000_000;
const ELEMENTS_FOR_A_STEP = 16;
const CHARACTERS_FOR_AN_ELEMENT = 8;
const CLOCK_MS = 1000;
/** The clock is read after so many steps, and at each call of a function. */
const STEPS_BETWEEN_CLOCKS = 64;
/** `[1..873782]` passes on AWS, one more does not. */
const ELEMENTS_MAX = 873_782;
/** A string of 2^22 characters passes on AWS, one of 2^23 does not. */
const CHARACTERS_MAX = 2 ** 22;
/** Characters of all strings that an evaluation makes, garbage included. */
const CHARACTERS_TOTAL_MAX = 2 ** 27;

/** A failure whose sentence has no code: a bound of AWS, or one of the functions that AWS adds. */
export class UncodedError extends Error {
  override readonly name = "UncodedError";
}

export function outOfMemory(): UncodedError {
  return new UncodedError("Expression evaluation memory limit exceeded: Check for excessive memory usage");
}
export function tooLong(): UncodedError {
  return new UncodedError("Expression evaluation timeout: Check for infinite loop");
}
export function tooDeep(depth: number): UncodedError {
  return new UncodedError(
    `Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=${depth} max=${DEPTH_MAX}`,
  );
}

export class Usage implements Meter {
  #depth = 0;
  #work = 0;
  #characters = 0;
  #steps = 0;
  #deadline = 0;
  /** What the thread had used when the clock first ran out, in milliseconds. */
  #usedMs: number | undefined;
  #random: () => number = Math.random;

  /** Before each evaluation. */
  reset(random: () => number): void {
    this.#depth = 0;
    this.#work = 0;
    this.#characters = 0;
    this.#random = random;
    this.#deadline = performance.now() + CLOCK_MS;
    this.#usedMs = undefined;
  }
  readonly enter = (): void => {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw tooDeep(this.#depth);
    this.#work += 1;
    if (this.#work > WORK_MAX) throw tooLong();
    this.#steps += 1;
    if (this.#steps % STEPS_BETWEEN_CLOCKS === 0) this.#clock();
  };
  readonly leave = (result: unknown): void => {
    this.#depth -= 1;
    if (typeof result === "string") this.#string(result.length);
    else if (Array.isArray(result) && result.length > ELEMENTS_MAX) throw outOfMemory();
  };
  readonly elements = (count: number): void => {
    this.#work += count / ELEMENTS_FOR_A_STEP;
    if (this.#work > WORK_MAX) throw tooLong();
  };
  readonly inputs = (values: readonly unknown[]): void => {
    let size = 0;
    for (const value of values) {
      if (typeof value === "string") size += value.length / CHARACTERS_FOR_AN_ELEMENT;
      else if (Array.isArray(value)) size += value.length;
    }
    this.elements(size);
    this.#clock();
  };
  readonly allocate = (size: number): void => {
    if (size > ELEMENTS_MAX) throw outOfMemory();
  };
  readonly characters = (length: number): void => this.#string(length);
  readonly random = (): number => this.#random();

  /** A machine that is busy with other things does not count: the second time it is the thread's own time that must be up. */
  #clock(): void {
    if (performance.now() <= this.#deadline) return;
    const { user, system } = process.threadCpuUsage();
    const usedMs = (user + system) / 1000;
    this.#usedMs ??= usedMs;
    if (usedMs - this.#usedMs >= CLOCK_MS) throw tooLong();
    this.#deadline = performance.now() + CLOCK_MS / 4;
  }
  #string(length: number): void {
    if (length > CHARACTERS_MAX) throw outOfMemory();
    this.#characters += length;
    if (this.#characters > CHARACTERS_TOTAL_MAX) throw outOfMemory();
  }
}
