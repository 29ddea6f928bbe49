/**
 * PostgreSQL's text holds every character but U+0000, which AWS takes in descriptions, inputs and other texts, and
 * which we use ourselves for "the next name after this one". In the database U+0000 is written as U+0001 U+0001, and
 * U+0001 as U+0001 U+0002: so texts have the same order as before, and no two become the same.
 */
const NUL = "\u0000";
const MARK = "\u0001";

export function encoded(text: string): string {
  // Two searches for a byte, which cost far less than one by a pattern: nearly no text has either.
  if (!text.includes(NUL) && !text.includes(MARK)) return text;
  return text.replaceAll(MARK, "\u0001\u0002").replaceAll(NUL, "\u0001\u0001");
}
export function decoded(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replaceAll("\u0001\u0001", NUL).replaceAll("\u0001\u0002", MARK);
}
