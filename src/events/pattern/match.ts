import { compileField, type CompiledField } from "./compile.ts";
import { Paths, type Membership, type Slot } from "./flatten.ts";
import type { Pattern, Scalar } from "./pattern.ts";

/**
 * Array consistency: looking for elements that satisfy every field may try this many; an event that would need
 * more (thousands of elements in many arrays that never agree) is taken not to match.
 */
const TRIES_LIMIT = 200_000;

export type SlottedField = { readonly field: CompiledField; readonly slot: Slot };

/** Whether a field has a value that it accepts, arrays aside. */
export function fieldAccepts(field: CompiledField, slot: Slot): boolean {
  if (slot.count === 0) return field.absent;
  for (let index = 0; index < slot.count; index++) if (field.accepts(slot.values[index] as Scalar)) return true;
  return false;
}

/** Whether all fields, each of which accepts some value, agree on the elements of the arrays they look into. */
export function consistent(fields: readonly SlottedField[]): boolean {
  const choices: Membership[][] = [];
  for (const { field, slot } of fields) {
    const options: Membership[] = [];
    let free = slot.count === 0;
    for (let index = 0; index < slot.count && !free; index++) {
      const value = slot.values[index];
      if (value === undefined || !field.accepts(value)) continue;
      const membership = slot.memberships[index];
      if (membership) options.push(membership);
      else free = true;
    }
    if (!free) choices.push(options);
  }
  if (choices.length < 2) return true;
  // Few choices first, so that contradictions show early; fields of unrelated arrays do not multiply.
  const tries = { left: TRIES_LIMIT };
  return groupsByArray(choices).every((group) =>
    choose(
      group.sort((one, other) => one.length - other.length),
      0,
      new Map(),
      tries,
    ),
  );
}

function groupsByArray(choices: readonly Membership[][]): Membership[][][] {
  const groups: { readonly arrays: Set<number>; readonly members: Membership[][] }[] = [];
  for (const options of choices) {
    const arrays = new Set(options.map((membership) => membership[0] ?? -1));
    const members = [options];
    for (const group of groups.filter(({ arrays: known }) => !known.isDisjointFrom(arrays))) {
      for (const array of group.arrays) arrays.add(array);
      members.unshift(...group.members);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push({ arrays, members });
  }
  return groups.map(({ members }) => members);
}

function choose(
  choices: readonly Membership[][],
  at: number,
  bound: Map<number, number>,
  tries: { left: number },
): boolean {
  const options = choices[at];
  if (!options) return true;
  for (const membership of options) {
    if (tries.left-- <= 0) return false;
    const added = bind(membership, bound);
    if (added === undefined) continue;
    if (choose(choices, at + 1, bound, tries)) return true;
    for (const array of added) bound.delete(array);
  }
  return false;
}

/** Binds the arrays of a membership to its elements; undefined, with nothing bound, if one is bound to another element. */
function bind(membership: Membership, bound: Map<number, number>): number[] | undefined {
  const added: number[] = [];
  for (let index = 0; index < membership.length; index += 2) {
    const array = membership[index] ?? -1;
    const element = membership[index + 1] ?? -1;
    const known = bound.get(array);
    if (known === undefined) {
      bound.set(array, element);
      added.push(array);
    } else if (known !== element) {
      for (const undone of added) bound.delete(undone);
      return undefined;
    }
  }
  return added;
}

/** One pattern against one event, without an index: what the index must agree with. */
export function compilePattern(pattern: Pattern): (event: Readonly<Record<string, unknown>>) => boolean {
  const paths = new Paths();
  const branches = pattern.branches.map((branch) =>
    branch.map((field): SlottedField => ({ field: compileField(field), slot: paths.want(field.path) })),
  );
  return (event) => {
    paths.read(event);
    return branches.some(
      (fields) => fields.every(({ field, slot }) => fieldAccepts(field, slot)) && consistent(fields),
    );
  };
}
