/** Why no trail recorded a call: the sentence that the flow record tells where a story ends before its record. */
import type { Reader } from "../store/store.ts";
import { dataTypeOf, S3_OBJECT } from "./classes.ts";
import { trailsOf } from "./rows.ts";
import { compileField, coversClass, Selection, selectorsOf, type EventFacts } from "./selectors.ts";
import type { Trail } from "./trails.ts";

export type AskedWrite = {
  readonly account: string;
  readonly region: string;
  readonly bucket: string;
  readonly key: string;
  /** `PutObject` unless told. */
  readonly operation?: string;
};

/** One sentence: why no trail's record of this write went to the event bus. */
export async function explainTrail(reader: Reader, write: AskedWrite): Promise<string> {
  const trails = await trailsOf(reader, write.account);
  const here = trails.filter((trail) => trail.region === write.region || trail.settings.multiRegion);
  const operation = write.operation ?? "PutObject";
  const facts: EventFacts = {
    category: "Data",
    readOnly: false,
    eventSource: "s3.amazonaws.com",
    eventName: operation,
    type: dataTypeOf("s3.amazonaws.com", operation) ?? S3_OBJECT,
    arn: `arn:aws:s3:::${write.bucket}/${write.key}`,
    userArn: "",
    errorCode: "",
  };
  if (here.length === 0) return noTrail(trails, write);
  if (new Selection(here, write.region).select(facts, write.bucket).length > 0)
    return "a trail selects this bucket now, but it did not when the object was written";
  const reasons = here.map((trail) => whyNot(trail, facts));
  return `no trail selects this bucket: ${reasons.join("; ")}`;
}

function noTrail(trails: readonly Trail[], write: AskedWrite): string {
  const [elsewhere] = trails;
  return elsewhere
    ? `no trail selects this bucket: trail ${elsewhere.name} records only ${elsewhere.region}, and the object was written in ${write.region}`
    : "no trail selects this bucket: the account has no trail";
}

/** Why one trail does not record an event: the nearest miss. */
function whyNot(trail: Trail, facts: EventFacts): string {
  const { style, selectors } = selectorsOf(trail.settings.selectors);
  const selected = new Selection([{ ...trail, logging: true }], trail.region).select(facts, bucketIn(facts.arn));
  if (selected.length > 0) return `trail ${trail.name} is not logging`;
  if (style === "advanced") {
    const misses = selectors
      .map((selector) => (selector.FieldSelectors ?? []).filter((field) => !compileField(field)(facts)))
      .toSorted((one, other) => one.length - other.length);
    const field = misses[0]?.[0];
    return `trail ${trail.name} asks for another ${field?.Field ?? "event"}${field ? ` (${JSON.stringify(field)})` : ""}`;
  }
  const data = selectors.filter((selector) => (selector.DataResources ?? []).length > 0);
  if (data.length === 0) return `trail ${trail.name} records management events only`;
  const covering = data.find((selector) =>
    (selector.DataResources ?? []).some(
      ({ Type, Values }) => Type === facts.type && (Values ?? []).some((value) => facts.arn.startsWith(value)),
    ),
  );
  if (covering && !coversClass(covering, facts.readOnly))
    return `trail ${trail.name} records only ${covering.ReadWriteType} events of it`;
  const values = data.flatMap((selector) => (selector.DataResources ?? []).flatMap(({ Values }) => Values ?? []));
  return `trail ${trail.name} records data events of ${values.slice(0, 3).join(", ")}${values.length > 3 ? ", …" : ""} only`;
}

function bucketIn(arn: string): string {
  return /^arn:aws:s3:::([^/]*)/.exec(arn)?.[1] ?? "";
}
