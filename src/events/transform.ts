import type { Event } from "../flow.ts";
import { isRawNumber } from "./pattern/number.ts";
import { find, parsePath, type Path } from "./path.ts";

/** What a target wants instead of the event. At most one member is set. */
export type InputSpec = {
  readonly Input?: string | undefined;
  readonly InputPath?: string | undefined;
  readonly InputTransformer?:
    | { readonly InputPathsMap?: Readonly<Record<string, string>> | undefined; readonly InputTemplate: string }
    | undefined;
};
/** What a template may name beside the event's own values. */
export type DeliveryFacts = { readonly ruleArn: string; readonly ruleName: string; readonly ingestedAt: number };

/** The text a target gets; undefined if the template's result is not JSON, and then the event is not delivered (AWS says nothing). */
export type Transform = (event: Event, facts: DeliveryFacts) => string | undefined;
export type TransformError = { readonly error: string };

/** Compiles what a target wants; the error is AWS's sentence for PutTargets. */
export function compileTransform(spec: InputSpec, targetId: string): Transform | TransformError {
  const { Input: input, InputPath: inputPath, InputTransformer: transformer } = spec;
  if ([input, inputPath, transformer].filter((each) => each !== undefined).length > 1)
    return { error: `Only one of Input, InputPath, or InputTransformer must be provided for target ${targetId}.` };
  if (input !== undefined) {
    if (!isJson(input)) return { error: `JSON syntax error in input for target ${targetId}.` };
    return () => input;
  }
  if (inputPath !== undefined) {
    const path = parsePath(inputPath);
    if (!path) return { error: `Invalid InputPath for target ${targetId} : [${inputPath}].` };
    return (event) => JSON.stringify(find(path, event) ?? null);
  }
  return transformer
    ? compileTemplate(transformer.InputTemplate, transformer.InputPathsMap ?? {}, targetId)
    : wholeEvent;
}

/** The event as it is. */
export const wholeEvent: Transform = (event) => JSON.stringify(event);

/** A literal piece of a template, or a variable: `quoted` if it stands inside a string. */
type Piece =
  | { readonly text: string }
  | { readonly variable: (event: Event, facts: DeliveryFacts) => unknown; readonly quoted: boolean };

const RESERVED: Readonly<Record<string, (event: Event, facts: DeliveryFacts) => unknown>> = {
  "aws.events.rule-arn": (_event, facts) => facts.ruleArn,
  "aws.events.rule-name": (_event, facts) => facts.ruleName,
  "aws.events.event.ingestion-time": (_event, facts) => new Date(facts.ingestedAt).toISOString(),
  // "the event without detail; keys come back camelCase"
  "aws.events.event": ({ detail: _detail, "detail-type": detailType, "replay-name": replayName, ...event }) => ({
    ...event,
    detailType,
    ...(replayName === undefined ? {} : { replayName }),
  }),
  "aws.events.event.json": (event) => event,
};

function compileTemplate(
  template: string,
  map: Readonly<Record<string, string>>,
  targetId: string,
): Transform | TransformError {
  const paths = new Map<string, Path>();
  for (const [name, text] of Object.entries(map)) {
    const path = parsePath(text);
    if (!path) return { error: `Invalid InputPath for target ${targetId} : [${text}].` };
    paths.set(name, path);
  }
  const pieces: Piece[] = [];
  let inString = false;
  let at = 0;
  for (const found of template.matchAll(/<([A-Za-z0-9_.-]+)>/g)) {
    const [placeholder, name = ""] = found;
    const path = paths.get(name);
    const variable = path
      ? (event: Event) => find(path, event)
      : Object.hasOwn(RESERVED, name)
        ? RESERVED[name]
        : undefined;
    if (!variable) return { error: `InputTemplate for target ${targetId} contains invalid placeholder ${name}.` };
    const text = template.slice(at, found.index);
    inString = endsInString(text, inString);
    pieces.push({ text }, { variable, quoted: inString });
    at = found.index + placeholder.length;
  }
  pieces.push({ text: template.slice(at) });
  const strings = template.trimStart().startsWith('"');
  return (event, facts) => {
    const insert = strings ? plainText : jsonText;
    const text = pieces
      .map((piece) => ("text" in piece ? piece.text : insert(piece.variable(event, facts), piece.quoted)))
      .join("");
    return strings || isJson(text) ? text : undefined;
  };
}

function endsInString(text: string, before: boolean): boolean {
  let inString = before;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "\\" && inString) index++;
    else if (text[index] === '"') inString = !inString;
  }
  return inString;
}

/** Inside a quoted string template: JSON without its quotes, and nothing for what is missing. */
function plainText(value: unknown): string {
  if (value === undefined) return "";
  return JSON.stringify(value).replace(/\\.|"/g, (found) => (found === '"' ? "" : found));
}

/** In a JSON template: JSON; inside quotes bare text, while objects and lists go in as they are (and break the JSON, as on AWS). */
function jsonText(value: unknown, quoted: boolean): string {
  if (!quoted) return value === undefined ? "null" : JSON.stringify(value);
  if (value === undefined) return "";
  const isText = typeof value === "string";
  if (typeof value === "object" && value !== null && isRawNumber(value)) return value.rawJSON;
  return isText ? JSON.stringify(value).slice(1, -1) : JSON.stringify(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
