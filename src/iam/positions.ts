/** Where a statement stands in the text of its document, as simulations report it. */

export type Position = { readonly Line: number; readonly Column: number };

/** The span of the statement at `index`, counted from line 1, column 1; the document is known to be valid JSON. */
export function spanOf(text: string, index: number): { readonly start: Position; readonly end: Position } | undefined {
  const list = valueOf(text, "Statement");
  if (list === undefined) return undefined;
  if (text[list] === "{") return index === 0 ? spanAt(text, list) : undefined;
  let at = list + 1;
  for (let count = 0; ; count++) {
    while (at < text.length && text[at] !== "{" && text[at] !== "]") at++;
    if (text[at] !== "{") return undefined;
    if (count === index) return spanAt(text, at);
    at = endOf(text, at);
  }
}

function spanAt(text: string, from: number) {
  return { start: positionOf(text, from), end: positionOf(text, endOf(text, from)) };
}

function positionOf(text: string, at: number): Position {
  const before = text.slice(0, at);
  return { Line: before.split("\n").length, Column: at - before.lastIndexOf("\n") };
}

/** Where the value of a member of the outermost object begins. */
function valueOf(text: string, name: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    else if (char === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && text.slice(at + 1, end - 1) === name) {
        const value = /^\s*:\s*/.exec(text.slice(end));
        if (value) return end + value[0].length;
      }
      at = end - 1;
    }
  }
  return undefined;
}

function endOf(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at) - 1;
    else if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) return at + 1;
  }
  return text.length;
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}
