import type { Event } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { explain, type Explanation } from "./pattern/explain.ts";
import { parsePattern } from "./pattern/parse.ts";
import { ruleRows } from "./rows.ts";

/** So many rules are looked at for an explanation. */
const RULE_LIMIT = 2000;

/**
 * Why no rule of a bus matched an event: the closest rule, that is, the one with the most matching fields, and its
 * first failing field. Undefined if an enabled rule does match. Computed when somebody asks, never while routing.
 */
export async function explainRules(reader: Reader, bus: string, event: Event): Promise<string | undefined> {
  const rows = await ruleRows(reader, bus, "", "\u{10ffff}", RULE_LIMIT);
  const name = bus.slice(bus.indexOf("event-bus/") + "event-bus/".length);
  if (rows.length === 0) return `event bus ${name} has no rules`;
  let closest: { readonly rule: string; readonly explanation: Explanation } | undefined;
  let disabled: string | undefined;
  for (const row of rows) {
    if (row.pattern === null) continue;
    const explanation = explain(parsePattern(row.pattern), event);
    if (explanation.matches && row.state !== "DISABLED") return undefined;
    if (explanation.matches) disabled ??= row.name;
    else if (!closest || nearer(explanation, closest.explanation)) closest = { rule: row.name, explanation };
  }
  if (disabled !== undefined) return `rule ${disabled} matches but is disabled`;
  if (!closest) return `event bus ${name} has no rules with an event pattern`;
  return `closest rule ${closest.rule}: ${closest.explanation.reason}`;
}

function nearer(one: Explanation, other: Explanation): boolean {
  if (one.fieldsMatched !== other.fieldsMatched) return one.fieldsMatched > other.fieldsMatched;
  return one.fields < other.fields;
}
