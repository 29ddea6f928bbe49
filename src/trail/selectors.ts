/**
 * Which trails record a call. Selectors are compiled once per version of a region's trails, and asked for every call:
 * for a data event of S3 only those that can match in its bucket are asked at all. Pure.
 */
import type { AdvancedEventSelector, AdvancedFieldSelector, EventSelector } from "@aws-sdk/client-cloudtrail";
import { S3_OBJECT } from "./classes.ts";
import type { Selectors, Trail } from "./trails.ts";

/** What selectors look at. */
export type EventFacts = {
  readonly category: "Management" | "Data";
  readonly readOnly: boolean;
  readonly eventSource: string;
  readonly eventName: string;
  /** Of data events: the resource's type and ARN. */
  readonly type: string;
  readonly arn: string;
  readonly userArn: string;
  readonly errorCode: string;
};

/** AWS: a trail without PutEventSelectors records management events, read and write, and no data events. */
export const DEFAULT_SELECTORS: readonly EventSelector[] = [
  { ReadWriteType: "All", IncludeManagementEvents: true, DataResources: [], ExcludeManagementEventSources: [] },
];
export function selectorsOf(selectors: Selectors | undefined): Selectors {
  return selectors ?? { style: "basic", selectors: DEFAULT_SELECTORS };
}

/** "Global service events": recorded only by trails that include them. */
const GLOBAL_SOURCES = new Set(["iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com"]);
const NONE: readonly Trail[] = [];
const BUCKETS_LIMIT = 10_000;

type Test = (facts: EventFacts) => boolean;
type Compiled = {
  readonly trail: Trail;
  readonly management: Test;
  readonly data: Test;
  /** False if no ARN in the bucket can match: `root` is `arn:aws:s3:::bucket/`. */
  readonly covers: (root: string) => boolean;
};

/** The trails of one account that record what happens in one region: those that are logging, by their selectors. */
export class Selection {
  readonly #trails: readonly Compiled[];
  readonly #byBucket = new Map<string, readonly Compiled[]>();
  constructor(trails: readonly Trail[], region: string) {
    this.#trails = trails
      .filter((trail) => trail.logging && (trail.region === region || trail.settings.multiRegion))
      .map(compile);
  }

  /** The trails that record it. `bucket` is that of an S3 data event, and otherwise empty. */
  select(facts: EventFacts, bucket: string): readonly Trail[] {
    if (this.#trails.length === 0) return NONE;
    const isData = facts.category === "Data";
    const candidates = isData && facts.type === S3_OBJECT ? this.#candidates(bucket) : this.#trails;
    let selected: Trail[] | undefined;
    for (const candidate of candidates)
      if (isData ? candidate.data(facts) : candidate.management(facts)) (selected ??= []).push(candidate.trail);
    return selected ?? NONE;
  }

  #candidates(bucket: string): readonly Compiled[] {
    const known = this.#byBucket.get(bucket);
    if (known) return known;
    if (this.#byBucket.size >= BUCKETS_LIMIT) this.#byBucket.clear();
    const root = `arn:aws:s3:::${bucket}/`;
    const candidates = this.#trails.filter((trail) => trail.covers(root));
    this.#byBucket.set(bucket, candidates);
    return candidates;
  }
}

function compile(trail: Trail): Compiled {
  const { style, selectors } = selectorsOf(trail.settings.selectors);
  const compiled = style === "basic" ? compileBasic(selectors) : compileAdvanced(selectors);
  const { globalEvents } = trail.settings;
  return {
    trail,
    ...compiled,
    management: (facts) => (globalEvents || !GLOBAL_SOURCES.has(facts.eventSource)) && compiled.management(facts),
  };
}

/** Whether ReadWriteType covers the call. */
export function coversClass(selector: EventSelector, readOnly: boolean): boolean {
  return (
    selector.ReadWriteType === (readOnly ? "ReadOnly" : "WriteOnly") || (selector.ReadWriteType ?? "All") === "All"
  );
}

function compileBasic(selectors: readonly EventSelector[]): Omit<Compiled, "trail"> {
  const management = selectors
    .filter((selector) => selector.IncludeManagementEvents ?? true)
    .map((selector) => ({ selector, excluded: new Set(selector.ExcludeManagementEventSources) }));
  const data = selectors.flatMap((selector) =>
    (selector.DataResources ?? []).map(({ Type, Values }) => ({ selector, type: Type, prefixes: Values ?? [] })),
  );
  return {
    management: (facts) =>
      management.some(
        ({ selector, excluded }) => coversClass(selector, facts.readOnly) && !excluded.has(facts.eventSource),
      ),
    data: (facts) =>
      data.some(
        ({ selector, type, prefixes }) =>
          type === facts.type &&
          coversClass(selector, facts.readOnly) &&
          prefixes.some((prefix) => facts.arn.startsWith(prefix)),
      ),
    covers: (root) =>
      data.some(({ type, prefixes }) => type === S3_OBJECT && prefixes.some((prefix) => overlap(prefix, root))),
  };
}

/** Whether some text that starts with `root` can start with `prefix`. */
function overlap(prefix: string, root: string): boolean {
  return root.startsWith(prefix) || prefix.startsWith(root);
}

function compileAdvanced(selectors: readonly AdvancedEventSelector[]): Omit<Compiled, "trail"> {
  const compiled = selectors.map((selector) => {
    const fields = selector.FieldSelectors ?? [];
    const tests = fields.map(compileField);
    const arns = fields.find((field) => field.Field === "resources.ARN");
    const category = fields.find((field) => field.Field === "eventCategory")?.Equals?.[0];
    return { category, arns, test: (facts: EventFacts) => tests.every((test) => test(facts)) };
  });
  const management = compiled.filter((selector) => selector.category === "Management");
  const data = compiled.filter((selector) => selector.category === "Data");
  return {
    management: (facts) => management.some((selector) => selector.test(facts)),
    data: (facts) => data.some((selector) => selector.test(facts)),
    covers: (root) =>
      data.some(({ arns }) => {
        const positive = [...(arns?.Equals ?? []), ...(arns?.StartsWith ?? [])];
        return positive.length === 0 || arns?.EndsWith !== undefined || positive.some((value) => overlap(value, root));
      }),
  };
}

/**
 * One field: values of one operator are alternatives, of a negated operator none may match. "If there are an overlap
 * of conditions that are exclusions", all of them count, so operators of one field are conjunctive.
 */
export function compileField(field: AdvancedFieldSelector): Test {
  const value = VALUES[field.Field ?? ""] ?? (() => undefined);
  const tests: ((text: string | undefined) => boolean)[] = [];
  const positive = (values: string[] | undefined, matches: (text: string, value: string) => boolean): void => {
    if (values && values.length > 0)
      tests.push((text) => text !== undefined && values.some((wanted) => matches(text, wanted)));
  };
  const negative = (values: string[] | undefined, matches: (text: string, value: string) => boolean): void => {
    if (values && values.length > 0)
      tests.push((text) => text === undefined || !values.some((unwanted) => matches(text, unwanted)));
  };
  const equal = (text: string, wanted: string): boolean => text === wanted;
  const starts = (text: string, wanted: string): boolean => text.startsWith(wanted);
  const ends = (text: string, wanted: string): boolean => text.endsWith(wanted);
  positive(field.Equals, equal);
  positive(field.StartsWith, starts);
  positive(field.EndsWith, ends);
  negative(field.NotEquals, equal);
  negative(field.NotStartsWith, starts);
  negative(field.NotEndsWith, ends);
  return (facts) => {
    const text = value(facts);
    return tests.every((test) => test(text));
  };
}

/** The fields of advanced selectors. An empty text stands for a field that the event does not have. */
const VALUES: Readonly<Record<string, (facts: EventFacts) => string | undefined>> = {
  eventCategory: (facts) => facts.category,
  readOnly: (facts) => (facts.readOnly ? "true" : "false"),
  eventSource: (facts) => facts.eventSource,
  eventName: (facts) => facts.eventName,
  "resources.type": (facts) => facts.type || undefined,
  "resources.ARN": (facts) => facts.arn || undefined,
  eventType: () => "AwsApiCall",
  "userIdentity.arn": (facts) => facts.userArn || undefined,
  sessionCredentialFromConsole: () => undefined,
  errorCode: (facts) => facts.errorCode || undefined,
};
export const FIELDS: ReadonlySet<string> = new Set(Object.keys(VALUES));
