import { Malformed } from "./malformed.ts";

/** A parsed element, by local name: prefixes are dropped, attributes keep theirs. */
export type Element = {
  readonly name: string;
  text: string;
  readonly attributes: Map<string, string> | undefined;
  readonly children: Map<string, Element[]>;
};

const MOST_ELEMENTS = 200_000;
const MOST_LEVELS = 64;
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*(?::[\p{L}_][\p{L}\p{N}_.-]*)?$/u;

/** Parses one document. There are no document types, so no entities but XML's five, and nothing outside is fetched. */
export function parseXml(xml: string): Element {
  const open: { readonly name: string; readonly element: Element }[] = [];
  let root: Element | undefined;
  let elements = 0;
  let at = xml.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < xml.length) {
    const from = xml.indexOf("<", at);
    const text = xml.slice(at, from < 0 ? xml.length : from);
    const parent = open.at(-1)?.element;
    if (parent !== undefined) parent.text += unescape(text);
    else if (text.trim() !== "") throw new Malformed("There is text outside the root element");
    if (from < 0) break;
    if (xml.startsWith("<?", from)) at = after(xml, "?>", from);
    else if (xml.startsWith("<!--", from)) at = after(xml, "-->", from + 4);
    else if (xml.startsWith("<![CDATA[", from) && parent !== undefined) {
      at = after(xml, "]]>", from);
      parent.text += xml.slice(from + 9, at - 3);
    } else if (xml[from + 1] === "!") throw new Malformed("Document type declarations are not accepted");
    else if (xml[from + 1] === "/") {
      const end = after(xml, ">", from);
      if (open.pop()?.name !== xml.slice(from + 2, end - 1).trimEnd())
        throw new Malformed("A closing tag closes nothing");
      at = end;
    } else {
      if (++elements > MOST_ELEMENTS) throw new Malformed("The document has too many elements");
      const end = endOfTag(xml, from);
      const closed = xml[end - 1] === "/";
      const { name, element } = startTag(xml.slice(from + 1, closed ? end - 1 : end));
      if (parent !== undefined) append(parent, element);
      else if (root !== undefined) throw new Malformed("The document has more than one root element");
      else root = element;
      if (!closed && open.push({ name, element }) > MOST_LEVELS)
        throw new Malformed("The document is nested too deeply");
      at = end + 1;
    }
  }
  if (root === undefined || open.length > 0) throw new Malformed("The document is not complete");
  return root;
}

function append(parent: Element, element: Element): void {
  const siblings = parent.children.get(element.name);
  if (siblings === undefined) parent.children.set(element.name, [element]);
  else siblings.push(element);
}

function startTag(inside: string): { name: string; element: Element } {
  const space = inside.search(/\s/);
  const name = space < 0 ? inside : inside.slice(0, space);
  if (!NAME.test(name)) throw new Malformed("The document has an element without a proper name");
  const local = name.slice(name.indexOf(":") + 1);
  const attributes = space < 0 ? undefined : attributesOf(inside.slice(space));
  return { name, element: { name: local, text: "", attributes, children: new Map() } };
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  const rest = text.replace(
    /\s([\w:.-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g,
    (_, key: string, double?: string, single?: string) => {
      if (attributes.has(key)) throw new Malformed("An element has an attribute twice");
      attributes.set(key, unescape(double ?? single ?? ""));
      return "";
    },
  );
  if (rest.trim() !== "") throw new Malformed("An element has an attribute that is none");
  return attributes;
}

function after(xml: string, mark: string, from: number): number {
  const at = xml.indexOf(mark, from);
  if (at < 0) throw new Malformed(`The document ends before ${mark}`);
  return at + mark.length;
}

function endOfTag(xml: string, from: number): number {
  let quote = 0;
  for (let i = from + 1; i < xml.length; i++) {
    const code = xml.charCodeAt(i);
    if (quote !== 0) {
      if (code === quote) quote = 0;
    } else if (code === 0x22 || code === 0x27) quote = code;
    else if (code === 0x3e) return i;
    else if (code === 0x3c) break;
  }
  throw new Malformed("The document has a tag without an end");
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

function unescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;&]{0,32});?/g, (whole, entity: string) => {
    const known = whole.endsWith(";") ? (ENTITIES.get(entity) ?? characterOf(entity)) : undefined;
    if (known === undefined) throw new Malformed("The document has an entity that is not known");
    return known;
  });
}

function characterOf(entity: string): string | undefined {
  const digits = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(entity);
  if (digits === null) return undefined;
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16);
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : undefined;
}

// oxlint-disable-next-line no-control-regex
const SPECIAL = /[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/;
// oxlint-disable-next-line no-control-regex
const EACH_SPECIAL = /[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g;
const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "\t" };

/** Control characters go as references, as S3 writes them; most parsers take them although XML 1.0 does not. */
export function escapeXml(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text.replace(EACH_SPECIAL, (character) => ESCAPES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`);
}
