/** What a pattern says, after parsing: alternatives of fields, `$or` multiplied out. PATTERN.md is the specification. */
import type { Range, Address } from "./address.ts";
import type { RawNumber } from "./number.ts";
import type { Folded, Wildcard } from "./text.ts";

/** A leaf of an event. */
export type Scalar = string | number | boolean | null | RawNumber;

/** One element of a pattern's array: what a field's value may be. */
export type Matcher =
  | { readonly kind: "exact"; readonly value: string | number | boolean | null }
  | { readonly kind: "literal number"; readonly text: string }
  | { readonly kind: "address"; readonly text: string; readonly address: Address }
  | { readonly kind: "prefix" | "suffix"; readonly text: string }
  | {
      readonly kind: "folded";
      readonly at: "whole" | "prefix" | "suffix";
      readonly text: string;
      readonly folded: Folded;
    }
  | { readonly kind: "wildcard"; readonly text: string; readonly pieces: Wildcard }
  | {
      readonly kind: "numeric";
      readonly text: string;
      readonly lower: Bound | undefined;
      readonly upper: Bound | undefined;
    }
  | { readonly kind: "cidr"; readonly text: string; readonly range: Range }
  | { readonly kind: "exists"; readonly value: boolean }
  | { readonly kind: "anything but"; readonly of: readonly Matcher[] };
export type Bound = { readonly value: number; readonly inclusive: boolean };

/** A dotted path and the values it may have; one is enough. */
export type Field = { readonly path: string; readonly alternatives: readonly Matcher[] };
/** Every field must match, all from the same elements of the event's arrays. */
export type Branch = readonly Field[];
/** The event matches if one branch does. */
export type Pattern = { readonly branches: readonly Branch[] };
