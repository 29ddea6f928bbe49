/** JSON files: the values of an array or the members of an object, cut out of the text as it streams by. */
import { parseJson } from "../../asl/json.ts";
import type { RawItem } from "../../asl/dataset.ts";
import { ItemReaderFailed } from "./failed.ts";

/** AWS: an item may have 8 MB. */
const ITEM_CHARACTERS_MAX = 8 * 1024 * 1024;
const NOT_ITERABLE = "Attempting to map over non-iterable node.";

type Level = { readonly object: boolean; readonly onPath: boolean; key: string; index: number; wantsKey: boolean };

/** Finds the container that a JSON Pointer names and cuts its items out, whatever stands around it. */
export class ItemScanner {
  readonly #pointer: readonly string[];
  readonly #levels: Level[] = [];
  #text = "";
  #at = 0;
  #inString = false;
  #escaped = false;
  #keyFrom = -1;
  #itemFrom = -1;
  #opened = false;
  #closed = false;
  #found: RawItem[] = [];
  constructor(pointer = "") {
    this.#pointer = pointer.split("/").slice(1).map(unescapeToken);
  }

  /** True once nothing more can come. */
  get done(): boolean {
    return this.#closed;
  }

  /** Takes the next piece of the text, and gives the items that end in it. */
  feed(piece: string): readonly RawItem[] {
    this.#text += piece;
    this.#found = [];
    while (this.#at < this.#text.length && !this.#closed) {
      this.#take(this.#text.charCodeAt(this.#at));
      this.#at += 1;
    }
    this.#forget();
    return this.#found;
  }

  end(): void {
    if (!this.#opened) throw new ItemReaderFailed(NOT_ITERABLE);
    if (!this.#closed) throw new ItemReaderFailed("The file ends within its JSON text.");
  }

  #take(code: number): void {
    if (this.#inString) return this.#takeInString(code);
    switch (code) {
      case 0x22: // "
        if (this.#top?.wantsKey) this.#keyFrom = this.#at;
        else this.#begin();
        this.#inString = true;
        return;
      case 0x7b: // {
      case 0x5b: // [
        this.#begin();
        return this.#open(code === 0x7b);
      case 0x7d: // }
      case 0x5d: // ]
        return this.#close();
      case 0x2c: // ,
        return this.#next();
      case 0x3a: // :
        if (this.#top) this.#top.wantsKey = false;
        return;
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
      case 0xfeff:
        return;
      default:
        this.#begin();
    }
  }

  #takeInString(code: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (code === 0x5c) this.#escaped = true;
    else if (code === 0x22) {
      this.#inString = false;
      if (this.#keyFrom < 0) return;
      if (this.#top) this.#top.key = String(parsed(this.#text.slice(this.#keyFrom, this.#at + 1)));
      this.#keyFrom = -1;
    }
  }

  get #top(): Level | undefined {
    return this.#levels.at(-1);
  }
  get #inTarget(): boolean {
    return this.#levels.length === this.#pointer.length + 1 && this.#top?.onPath === true;
  }

  /** A value begins here. */
  #begin(): void {
    if (this.#inTarget && this.#itemFrom < 0) this.#itemFrom = this.#at;
  }

  #open(object: boolean): void {
    const depth = this.#levels.length;
    const above = this.#top;
    const step = above && (above.object ? above.key : String(above.index));
    const onPath =
      above === undefined || (above.onPath && depth <= this.#pointer.length && step === this.#pointer[depth - 1]);
    this.#levels.push({ object, onPath, key: "", index: 0, wantsKey: object });
    if (this.#inTarget) this.#opened = true;
  }

  #close(): void {
    if (this.#levels.length === 0) throw new ItemReaderFailed("The file is not JSON: a bracket closes nothing.");
    if (this.#inTarget) {
      this.#cut();
      this.#closed = true;
    }
    this.#levels.pop();
  }

  #next(): void {
    const top = this.#top;
    if (top === undefined) throw new ItemReaderFailed("The file is not JSON: a comma separates nothing.");
    if (this.#inTarget) this.#cut();
    top.index += 1;
    top.wantsKey = top.object;
  }

  #cut(): void {
    if (this.#itemFrom < 0) return;
    const value = parsed(this.#text.slice(this.#itemFrom, this.#at));
    this.#itemFrom = -1;
    const top = this.#top;
    this.#found.push(top?.object ? { key: top.key, value } : { value });
  }

  #forget(): void {
    const from = this.#itemFrom >= 0 ? this.#itemFrom : this.#keyFrom >= 0 ? this.#keyFrom : this.#at;
    if (this.#text.length - from > ITEM_CHARACTERS_MAX) throw new ItemReaderFailed("An item is larger than 8 MB.");
    this.#text = this.#text.slice(from);
    this.#at -= from;
    // A key may have begun within an item.
    if (this.#itemFrom >= 0) this.#itemFrom -= from;
    if (this.#keyFrom >= 0) this.#keyFrom -= from;
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new ItemReaderFailed(`The file is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** RFC 6901. */
function unescapeToken(token: string): string {
  return token.replaceAll("~1", "/").replaceAll("~0", "~");
}

export async function* jsonItems(
  pieces: AsyncIterable<string>,
  pointer: string | undefined,
): AsyncGenerator<RawItem, undefined> {
  const scanner = new ItemScanner(pointer);
  for await (const piece of pieces) {
    yield* scanner.feed(piece);
    if (scanner.done) break;
  }
  scanner.end();
}

/** JSON Lines: a value on each line; empty lines are passed over. */
export async function* jsonLines(pieces: AsyncIterable<string>): AsyncGenerator<RawItem, undefined> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > ITEM_CHARACTERS_MAX) throw new ItemReaderFailed("An item is larger than 8 MB.");
    for (const line of lines) if (line.trim() !== "") yield { value: parsed(line) };
  }
  if (rest.trim() !== "") yield { value: parsed(rest) };
}
