/** What the fields of a state can see while they are evaluated. */
import type { Datum, JsonObject } from "./json.ts";

export type Scope = {
  readonly stateName: string;
  /** The state's input before any of its fields. */
  readonly input: Datum;
  /** The context object, `$$`. */
  readonly context: () => JsonObject;
  /** A variable's value, or undefined if nobody assigned it. */
  readonly variable: (name: string) => unknown;
  /** Milliseconds. */
  readonly now: number;
  readonly random: () => number;
  readonly uuid: () => string;
};

/** New values of variables as JSON texts. */
export type Assigned = { readonly [name: string]: string };
