import { fault } from "./fault.ts";
import { Malformed, put } from "./malformed.ts";
import type { Traits } from "./model.ts";
import { textCodec } from "./scalar.ts";
import type { ListShape, MapShape, Member, Shape, StructShape } from "./shape.ts";

const MOST_FIELDS = 10_000;
const MOST_SEGMENTS = 32;

/** `Tags.member.1.Key=a` as a tree of the segments between the dots. */
export type FormNode = { value: string | undefined; readonly children: Map<string, FormNode> };

export function formOf(fields: Iterable<readonly [string, string]>): FormNode {
  const root: FormNode = { value: undefined, children: new Map() };
  let count = 0;
  for (const [name, value] of fields) {
    if (++count > MOST_FIELDS)
      throw fault("MalformedQueryString", "The query string has too many parameters.", { status: 400 });
    const segments = name.split(".");
    if (segments.length > MOST_SEGMENTS)
      throw fault("MalformedQueryString", "A parameter is nested too deeply.", { status: 400 });
    let node = root;
    for (const segment of segments) {
      let next = node.children.get(segment);
      if (next === undefined) node.children.set(segment, (next = { value: undefined, children: new Map() }));
      node = next;
    }
    node.value = value;
  }
  return root;
}

type Read = (node: FormNode) => unknown;

/** Compiles each shape once into a closure that reads it from a form. */
export function formCompiler(): (shape: StructShape) => Read {
  const compiled = new Map<Shape, Read>();
  const compile = (shape: Shape): Read => {
    const known = compiled.get(shape);
    if (known !== undefined) return known;
    let built: Read | undefined;
    const read: Read = (node) => (built ??= build(shape, shape.traits))(node); // on first use: shapes may be recursive
    compiled.set(shape, read);
    return read;
  };
  const member = (each: Member): Read =>
    each.own.xmlFlattened === undefined ? compile(each.shape) : build(each.shape, each.traits);
  const build = (shape: Shape, traits: Traits): Read => {
    switch (shape.kind) {
      case "struct":
      case "union":
        return structure(shape.members, member);
      case "list":
        return list(shape, traits, member(shape.item));
      case "map":
        return map(shape, traits, member(shape.value));
      default:
        return scalar(shape, traits);
    }
  };
  return compile;
}

function structure(members: readonly Member[], member: (each: Member) => Read): Read {
  const slots = members.map((each) => ({ name: each.name, tag: each.own.xmlName ?? each.name, read: member(each) }));
  return (node) => {
    const out: Record<string, unknown> = {};
    for (const slot of slots) {
      const child = node.children.get(slot.tag);
      if (child !== undefined) out[slot.name] = slot.read(child);
    }
    return out;
  };
}

function list(shape: ListShape, traits: Traits, item: Read): Read {
  const tag = shape.item.traits.xmlName ?? "member";
  return (node) => {
    if (node.value === "" && node.children.size === 0) return []; // `Tags=` spells the empty list
    const holder = traits.xmlFlattened === 1 ? node : (node.children.get(tag) ?? node.children.get("member"));
    return holder === undefined ? [] : numbered(holder).map(item);
  };
}

function map(shape: MapShape, traits: Traits, item: Read): Read {
  const keyTag = shape.key.traits.xmlName ?? "key";
  const valueTag = shape.value.traits.xmlName ?? "value";
  return (node) => {
    const holder = traits.xmlFlattened === 1 ? node : node.children.get("entry");
    const out: Record<string, unknown> = {};
    for (const entry of holder === undefined ? [] : numbered(holder)) {
      const value = entry.children.get(valueTag);
      const key = entry.children.get(keyTag)?.value;
      if (key === undefined || value === undefined) throw new Malformed("A map's entry needs a key and a value");
      put(out, key, item(value));
    }
    return out;
  };
}

function scalar(shape: Shape, traits: Traits): Read {
  const text = textCodec(shape, traits, "date-time");
  return (node) => {
    if (node.value === undefined) throw new Malformed("Unexpected complex element termination");
    return text.read(node.value);
  };
}

const numbered = (node: FormNode): FormNode[] =>
  [...node.children]
    .filter(([segment]) => /^\d{1,9}$/.test(segment))
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);
