import { Malformed, put } from "./malformed.ts";
import type { Traits } from "./model.ts";
import { textCodec, type TextCodec } from "./scalar.ts";
import type { ListShape, MapShape, Member, Shape, TimestampFormat } from "./shape.ts";
import { escapeXml, type Element } from "./xml.ts";

/** A shape's two closures. A flattened list is several elements of one name, so `read` takes all of a name. */
export type XmlCodec = {
  read: (elements: readonly Element[]) => unknown;
  /** Writes `value` as zero or more elements called `tag`. */
  write: (tag: string, value: unknown) => string;
};
export type XmlCompiler = {
  (shape: Shape): XmlCodec;
  /** A structure of some of a shape's members, with the traits of the place where it stands. */
  readonly structure: (members: readonly Member[], traits: Traits) => XmlCodec;
};

/** Compiles each shape once. `date` writes timestamps that have no format of their own. */
export function xmlCompiler(date: (value: unknown) => string): XmlCompiler {
  const compiled = new Map<Shape, XmlCodec>();
  const text = (shape: Shape, traits: Traits): TextCodec => {
    const codec = textCodec(shape, traits, FORMAT);
    return shape.kind === "timestamp" && (shape.format ?? FORMAT) === FORMAT ? { ...codec, write: date } : codec;
  };
  const compile = (shape: Shape): XmlCodec => {
    let codec = compiled.get(shape);
    if (codec === undefined) {
      codec = { read: unfinished, write: unfinished };
      compiled.set(shape, codec); // before its members: shapes may be recursive
      Object.assign(codec, build(shape, shape.traits, {}));
    }
    return codec;
  };
  const build = (shape: Shape, traits: Traits, own: Traits): XmlCodec => {
    switch (shape.kind) {
      case "struct":
      case "union":
        return structure(shape.members, { ...shape.traits, ...own });
      case "list":
        return list(shape, traits, member(shape.item));
      case "map":
        return map(shape, traits, member(shape.value));
      default:
        return scalar(text(shape, traits));
    }
  };
  /** A slot may be flattened or have a namespace where its shape has not. */
  const member = (each: Member): XmlCodec =>
    each.own.xmlFlattened === undefined && each.own.xmlNamespace === undefined
      ? compile(each.shape)
      : build(each.shape, each.traits, each.own);
  const structure = (members: readonly Member[], traits: Traits): XmlCodec =>
    structureOf(members, traits, member, text);
  return Object.assign(compile, { structure });
}

const FORMAT: TimestampFormat = "date-time";
const unfinished = (): never => {
  throw new Error("used before it was compiled");
};

function structureOf(
  members: readonly Member[],
  traits: Traits,
  member: (each: Member) => XmlCodec,
  text: (shape: Shape, traits: Traits) => TextCodec,
): XmlCodec {
  const tagOf = (each: Member): string => each.own.xmlName ?? each.name;
  const attributes = members
    .filter((each) => each.traits.xmlAttribute === 1)
    .map((each) => ({ name: each.name, tag: tagOf(each), text: text(each.shape, each.traits) }));
  const slots = members
    .filter((each) => each.traits.xmlAttribute !== 1)
    .map((each) => ({
      name: each.name,
      tag: tagOf(each),
      codec: member(each),
      many: each.shape.kind === "list" || each.shape.kind === "map",
    }));
  const byTag = new Map(slots.map((slot) => [slot.tag, slot]));
  const head = namespace(traits);
  return {
    // S3 validates against a schema: what it does not know, and what should be there once but is there twice, is refused.
    read(elements) {
      const element = one(elements);
      const out: Record<string, unknown> = {};
      for (const { name, tag, text: codec } of attributes) {
        const value = element.attributes?.get(tag);
        if (value !== undefined) out[name] = codec.read(value);
      }
      for (const [tag, found] of element.children) {
        const slot = byTag.get(tag);
        if (slot === undefined) throw new Malformed(`The element ${tag} is not known here`);
        out[slot.name] = slot.codec.read(slot.many ? found : [one(found)]);
      }
      return out;
    },
    write(tag, value) {
      const source = value as Readonly<Record<string, unknown>>;
      let start = head;
      for (const each of attributes) {
        const attribute = source[each.name];
        if (attribute !== undefined && attribute !== null)
          start += ` ${each.tag}="${escapeXml(each.text.write(attribute))}"`;
      }
      let body = "";
      for (const slot of slots) {
        const each = source[slot.name];
        if (each !== undefined && each !== null) body += slot.codec.write(slot.tag, each);
      }
      return `<${tag}${start}>${body}</${tag}>`;
    },
  };
}

function one(elements: readonly Element[]): Element {
  const [first] = elements;
  if (first === undefined || elements.length > 1)
    throw new Malformed(`The element ${first?.name ?? ""} stands there more than once`);
  return first;
}

function namespace(traits: Traits): string {
  if (traits.xmlNamespace === undefined) return "";
  const [prefix, uri] = traits.xmlNamespace;
  return ` xmlns${prefix === "" ? "" : `:${prefix}`}="${escapeXml(uri)}"`;
}

function scalar(text: TextCodec): XmlCodec {
  return {
    read(elements) {
      const element = one(elements);
      if (element.children.size > 0) throw new Malformed(`The element ${element.name} holds elements`);
      return text.read(element.text);
    },
    write: (tag, value) => `<${tag}>${escapeXml(text.write(value))}</${tag}>`,
  };
}

function list(shape: ListShape, traits: Traits, item: XmlCodec): XmlCodec {
  const write = (tag: string, values: unknown): string => {
    let text = "";
    for (const value of values as readonly unknown[]) text += item.write(tag, value);
    return text;
  };
  if (traits.xmlFlattened === 1) return { read: (elements) => elements.map((each) => item.read([each])), write };
  const itemTag = shape.item.traits.xmlName ?? "member";
  return {
    read(elements) {
      const { children } = one(elements);
      for (const tag of children.keys())
        if (tag !== itemTag) throw new Malformed(`The element ${tag} is not known here`);
      return (children.get(itemTag) ?? []).map((each) => item.read([each]));
    },
    write: (tag, values) => `<${tag}>${write(itemTag, values)}</${tag}>`,
  };
}

function map(shape: MapShape, traits: Traits, item: XmlCodec): XmlCodec {
  const keyTag = shape.key.traits.xmlName ?? "key";
  const valueTag = shape.value.traits.xmlName ?? "value";
  const write = (tag: string, value: unknown): string => {
    let text = "";
    for (const [key, each] of Object.entries(value as object)) {
      text += `<${tag}><${keyTag}>${escapeXml(key)}</${keyTag}>${item.write(valueTag, each)}</${tag}>`;
    }
    return text;
  };
  const readEntries = (entries: readonly Element[]): unknown => {
    const out: Record<string, unknown> = {};
    for (const { children } of entries) {
      put(out, one(children.get(keyTag) ?? []).text, item.read(children.get(valueTag) ?? []));
    }
    return out;
  };
  if (traits.xmlFlattened === 1) return { read: readEntries, write };
  return {
    read: (elements) => readEntries(one(elements).children.get("entry") ?? []),
    write: (tag, value) => `<${tag}>${write("entry", value)}</${tag}>`,
  };
}
