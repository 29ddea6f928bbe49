import { isRawNumber } from "./number.ts";
import type { Scalar } from "./pattern.ts";

/** Where a value stood in the arrays around it: pairs of an array's number and the element's position, outermost first. */
export type Membership = readonly number[];

/** The values of one path in the event at hand. */
export type Slot = {
  readonly path: string;
  /** How many fields of patterns ask for this path. */
  wanted: number;
  readonly values: Scalar[];
  /** Beside `values`; undefined where no array is around. */
  readonly memberships: (Membership | undefined)[];
  /** How many of `values` belong to the event at hand: the arrays are not cut back, which would cost more than reading. */
  count: number;
};

type Node = {
  slot: Slot | undefined;
  readonly children: Map<string, Node>;
  /** Keys an object may have that lead on from here: children, and, because key paths join with a dot, dotted ones. */
  candidates: readonly Candidate[] | undefined;
};
/** `inherited`: every object has a member of this name, so its own must be told apart. */
type Candidate = { readonly key: string; readonly node: Node; readonly inherited: boolean };

/** Up to so many keys are looked up one by one; beyond, it is quicker to go through the object's own keys. */
const LOOKUP_LIMIT = 24;
const DEPTH_LIMIT = 1000;

/** The paths that patterns ask for, and the reading of just these from an event. */
export class Paths {
  readonly #root: Node = { slot: undefined, children: new Map(), candidates: undefined };
  readonly #filled: Slot[] = [];
  #arrays = 0;

  /** The slot of a path, made if it is new. Pair with `release`. */
  want(path: string): Slot {
    let node = this.#root;
    const trail = [node];
    for (const segment of path.split(".")) {
      let child = node.children.get(segment);
      if (!child) {
        child = { slot: undefined, children: new Map(), candidates: undefined };
        node.children.set(segment, child);
        for (const passed of trail) passed.candidates = undefined;
      }
      node = child;
      trail.push(node);
    }
    node.slot ??= { path, wanted: 0, values: [], memberships: [], count: 0 };
    node.slot.wanted++;
    return node.slot;
  }

  release(slot: Slot): void {
    if (--slot.wanted > 0) return;
    const trail: [Node, string][] = [];
    let node = this.#root;
    for (const segment of slot.path.split(".")) {
      const child = node.children.get(segment);
      if (!child) return;
      trail.push([node, segment]);
      node = child;
    }
    node.slot = undefined;
    for (const [parent, segment] of trail.reverse()) {
      const child = parent.children.get(segment);
      if (child && !child.slot && child.children.size === 0) parent.children.delete(segment);
      parent.candidates = undefined;
    }
  }

  /** Fills the slots from an event and answers those that have values. They hold until the next `read`. */
  read(event: Readonly<Record<string, unknown>>): readonly Slot[] {
    for (const slot of this.#filled) slot.count = 0;
    this.#filled.length = 0;
    this.#arrays = 0;
    this.#object(this.#root, event, undefined, 0);
    return this.#filled;
  }

  #object(
    node: Node,
    value: Readonly<Record<string, unknown>>,
    membership: Membership | undefined,
    depth: number,
  ): void {
    if (depth > DEPTH_LIMIT) return;
    const candidates = (node.candidates ??= candidatesOf(node));
    if (candidates.length > LOOKUP_LIMIT) return this.#keys(node, value, membership, depth);
    for (const candidate of candidates) {
      const inner = value[candidate.key];
      if (inner === undefined || (candidate.inherited && !Object.hasOwn(value, candidate.key))) continue;
      this.#value(candidate.node, inner, membership, depth);
    }
  }

  #keys(node: Node, value: Readonly<Record<string, unknown>>, membership: Membership | undefined, depth: number): void {
    for (const key of Object.keys(value)) {
      let child = node.children.get(key);
      if (!child && key.includes(".")) child = descend(node, key);
      const inner = value[key];
      if (child && inner !== undefined) this.#value(child, inner, membership, depth);
    }
  }

  #value(node: Node, value: unknown, membership: Membership | undefined, depth: number): void {
    if (typeof value === "object" && value !== null) {
      if (Array.isArray(value)) return this.#array(node, value, membership, depth);
      if (!isRawNumber(value)) {
        if (node.children.size > 0) this.#object(node, value as Record<string, unknown>, membership, depth + 1);
        return;
      }
    }
    const slot = node.slot;
    if (!slot) return;
    if (slot.count === 0) this.#filled.push(slot);
    slot.values[slot.count] = value as Scalar;
    slot.memberships[slot.count++] = membership;
  }

  /** Elements of an array that lies directly in another belong to the outer array's element: that is all AWS tells apart. */
  #array(node: Node, value: readonly unknown[], membership: Membership | undefined, depth: number): void {
    const array = this.#arrays++;
    for (let index = 0; index < value.length; index++) {
      this.#element(node, value[index], membership ? [...membership, array, index] : [array, index], depth + 1);
    }
  }

  #element(node: Node, value: unknown, membership: Membership, depth: number): void {
    if (value === undefined || depth > DEPTH_LIMIT) return;
    if (Array.isArray(value)) for (const inner of value) this.#element(node, inner, membership, depth + 1);
    else this.#value(node, value, membership, depth);
  }
}

function descend(node: Node, key: string): Node | undefined {
  let found: Node | undefined = node;
  for (const segment of key.split(".")) found = found?.children.get(segment);
  return found;
}

function candidatesOf(node: Node): Candidate[] {
  const found: Candidate[] = [];
  const visit = (at: Node, prefix: string): void => {
    for (const [segment, child] of at.children) {
      if (found.length > LOOKUP_LIMIT) return;
      const key = prefix + segment;
      found.push({ key, node: child, inherited: key in Object.prototype });
      visit(child, `${key}.`);
    }
  };
  visit(node, "");
  return found;
}
