import { compileField } from "./compile.ts";
import { Paths } from "./flatten.ts";
import { consistent, fieldAccepts, type SlottedField } from "./match.ts";
import type { Branch, Matcher, Pattern } from "./pattern.ts";

/** How near an event came to a pattern, and where it first failed. */
export type Explanation = {
  readonly matches: boolean;
  readonly fieldsMatched: number;
  readonly fields: number;
  /** `detail.eventName ≠ PutObject`; empty when it matches. */
  readonly reason: string;
};

/** Explains the branch that came nearest. */
export function explain(pattern: Pattern, event: Readonly<Record<string, unknown>>): Explanation {
  let best: Explanation | undefined;
  for (const branch of pattern.branches) {
    const found = explainBranch(branch, event);
    if (!best || nearness(found) > nearness(best)) best = found;
  }
  return best ?? { matches: false, fieldsMatched: 0, fields: 0, reason: "the pattern has no fields" };
}

/** More matching fields are nearer; of two equals, the one with fewer left to match. */
function nearness(explanation: Explanation): number {
  return explanation.matches ? Infinity : explanation.fieldsMatched - explanation.fields / 1e6;
}

function explainBranch(branch: Branch, event: Readonly<Record<string, unknown>>): Explanation {
  const paths = new Paths();
  const slotted: SlottedField[] = branch.map((field) => ({ field: compileField(field), slot: paths.want(field.path) }));
  paths.read(event);
  const failed = slotted.map(({ field, slot }) => !fieldAccepts(field, slot));
  const first = failed.indexOf(true);
  const fieldsMatched = failed.filter((each) => !each).length;
  const field = branch[first];
  const slot = slotted[first]?.slot;
  if (field && slot) {
    const reason =
      slot.count === 0
        ? `${field.path} is absent`
        : field.alternatives.every((matcher) => matcher.kind === "exists" && !matcher.value)
          ? `${field.path} is present`
          : `${field.path} ≠ ${field.alternatives.map(inWords).join(" or ")}`;
    return { matches: false, fieldsMatched, fields: branch.length, reason };
  }
  const matches = consistent(slotted);
  const names = branch.map(({ path }) => path).join(", ");
  return {
    matches,
    fieldsMatched: matches ? fieldsMatched : fieldsMatched - 1,
    fields: branch.length,
    reason: matches ? "" : `no one element of the event's array satisfies ${names} together`,
  };
}

function inWords(matcher: Matcher): string {
  switch (matcher.kind) {
    case "exact":
      return typeof matcher.value === "string" && matcher.value !== "" ? matcher.value : JSON.stringify(matcher.value);
    case "literal number":
    case "address":
      return matcher.text;
    case "prefix":
      return `${matcher.text}…`;
    case "suffix":
      return `…${matcher.text}`;
    case "folded": {
      const shown = { whole: matcher.text, prefix: `${matcher.text}…`, suffix: `…${matcher.text}` }[matcher.at];
      return `${shown} (in any case)`;
    }
    case "wildcard":
      return `wildcard ${matcher.text}`;
    case "numeric":
      return `a number ${matcher.text}`;
    case "cidr":
      return `an address in ${matcher.text}`;
    case "exists":
      return matcher.value ? "any value" : "absent";
    case "anything but":
      return `anything but ${matcher.of.map(inWords).join(", ")}`;
  }
}
