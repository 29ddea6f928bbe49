/** Tests of strings: folding, wildcards, and how complex a wildcard may be. */

/** A text as the characters that each of its places accepts. */
export type Folded = readonly (readonly [string, string, string])[];

/** Each character beside its lower and its upper case. Folding is by character, so `ß` is never `SS`. */
export function fold(text: string): Folded {
  return Array.from(text, (character) => [
    character,
    single(character.toLowerCase(), character),
    single(character.toUpperCase(), character),
  ]);
}

function single(changed: string, original: string): string {
  return Array.from(changed).length === 1 ? changed : original;
}

/** Position behind the folded text if `text` has it at `at`, else -1. */
export function foldedAt(text: string, at: number, folded: Folded): number {
  let position = at;
  for (const variants of folded) {
    const code = text.codePointAt(position);
    if (code === undefined) return -1;
    const character = String.fromCodePoint(code);
    if (!variants.includes(character)) return -1;
    position += character.length;
  }
  return position;
}

export function foldedEquals(text: string, folded: Folded): boolean {
  return foldedAt(text, 0, folded) === text.length;
}

/** True if the text ends with the folded characters. */
export function foldedSuffix(text: string, folded: Folded): boolean {
  const characters = Array.from(text.slice(-2 * folded.length)).slice(-folded.length);
  if (characters.length < folded.length) return folded.length === 0;
  return folded.every((variants, position) => variants.includes(characters[position] ?? ""));
}

/** A wildcard pattern cut at its stars, escapes resolved: `a*b` is `["a", "b"]`. */
export type Wildcard = readonly string[];

export type WildcardError = { readonly error: string };

/** Reads a wildcard pattern. `*` matches any run of characters; `\*` and `\\` are the only escapes. */
export function parseWildcard(pattern: string): Wildcard | WildcardError {
  const pieces: string[] = [];
  let piece = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === "\\") {
      const escaped = pattern[at + 1];
      if (escaped !== "*" && escaped !== "\\") return { error: `Invalid escape character at pos ${at}` };
      piece += escaped;
      at++;
    } else if (character === "*") {
      if (pattern[at + 1] === "*") return { error: `Consecutive wildcard characters at pos ${at}` };
      pieces.push(piece);
      piece = "";
    } else piece += character;
  }
  return [...pieces, piece];
}

/** Greedy from the left: each piece at its first place is as good as at any later one. */
export function wildcardMatches(pieces: Wildcard, text: string): boolean {
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return text === first;
  const last = pieces[pieces.length - 1] ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let index = 1; index < pieces.length - 1; index++) {
    const piece = pieces[index] ?? "";
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return at <= end;
}

/** AWS's limit is not published; this one accepts what is known to be accepted and refuses what is known to be refused. */
export const COMPLEXITY_LIMIT = 12;
export const TOO_COMPLEX =
  "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character";

/**
 * How hard a wildcard is for a matching automaton: for each star that something follows, how often the character after
 * it comes again in the rest of the pattern, itself included ("fewer wildcard characters or fewer repeating character sequences").
 */
export function complexityOf(pieces: Wildcard): number {
  let complexity = 0;
  for (let index = 1; index < pieces.length; index++) {
    const rest = pieces.slice(index).join("");
    const next = pieces[index]?.[0];
    if (next !== undefined) complexity += rest.split(next).length - 1;
  }
  return complexity;
}
