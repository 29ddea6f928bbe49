import type { Constraint, Traits } from "../../src/wire/model.ts";
import type { Member, Shape, StructShape } from "../../src/wire/shape.ts";

/** A linear congruential generator: the same seed gives the same values everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Random = () => number;
const pick = <T>(random: Random, values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;

const WORDS = [
  "a",
  "b c",
  "x&y<z>",
  "naïve",
  "q=1+2",
  "100%",
  "a/b//c",
  "日本",
  "tab\tx",
  "it's",
  "a,b",
  'say "no"',
  "line\nbreak",
  "../up",
];
/** Headers carry less: no control characters, and nothing around their ends. */
const TOKENS = ["a1", "Bb", "x-y", "zz9", "a b", "k=v"];
const LABELS = ["my-bucket", "k1", "abc123"];
const KEYS = ["k1", "a/b c", "..", "a//b", "100%", "q+1", "日本/x", "dir/", "/lead"];

/**
 * A random value of a shape that keeps its constraints as far as the tests need: enums, ranges and lengths. Values of
 * members with patterns are left out unless required, where a match is looked for among a few.
 */
export function randomValue(
  shape: StructShape,
  random: Random,
  skip: (structure: string, member: string) => boolean,
): unknown {
  return structure(shape, random, skip, 0);
}

type Skip = (structure: string, member: string) => boolean;

function structure(shape: StructShape, random: Random, skip: Skip, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const members = shape.members.filter(
    (member) => !skip(shape.name, member.name) && !isEventStream(member) && member.traits.httpResponseCode !== 1,
  );
  const add = (member: Member): void => {
    const each = value(member.shape, member.traits, member.constraint, member.name, random, skip, depth + 1);
    if (each !== undefined) out[member.name] = each;
  };
  if (shape.kind === "union") {
    for (let tries = 0; Object.keys(out).length === 0 && tries < 20 && members.length > 0; tries++)
      add(pick(random, members));
    return out;
  }
  const chance = depth > 5 ? 0 : depth > 2 ? 0.3 : 0.7;
  for (const member of members)
    if (member.required || member.traits.httpLabel === 1 || member.traits.httpPayload === 1 || random() < chance)
      add(member);
  // An empty structure is nothing in XML and in forms.
  for (
    let tries = 0;
    depth > 0 && depth < 9 && Object.keys(out).length === 0 && tries < 20 && members.length > 0;
    tries++
  )
    add(pick(random, members));
  return out;
}

const isEventStream = (member: Member): boolean => member.traits.streaming === 1 && member.shape.kind === "union";

function value(
  shape: Shape,
  traits: Traits,
  constraint: Constraint | undefined,
  name: string,
  random: Random,
  skip: Skip,
  depth: number,
): unknown {
  const inHeader = traits.httpHeader !== undefined || traits.httpPrefixHeaders !== undefined;
  const within: Traits = inHeader ? { httpHeader: "x" } : {};
  switch (shape.kind) {
    case "string":
      return text(traits, constraint, name, random, inHeader);
    case "integer":
    case "long":
      return Math.min(Math.max(Math.floor(random() * 1000) + 1, constraint?.n ?? 1), constraint?.x ?? 1000);
    case "number":
      return constraint?.n === undefined && constraint?.x === undefined
        ? Math.floor(random() * 1000) + 1
        : (constraint.n ?? constraint.x);
    case "boolean":
      return random() < 0.5;
    case "timestamp":
      return new Date(1_700_000_000_000 + Math.floor(random() * 1e6) * 1000);
    case "blob":
      return Buffer.from(pick(random, WORDS).padEnd(constraint?.n ?? 0, "x"));
    case "bigint":
      return BigInt(7);
    case "decimal":
      return "1.5";
    case "list": {
      const length = Math.min(Math.max(1 + Math.floor(random() * 3), constraint?.n ?? 1), constraint?.x ?? 3);
      const items = Array.from({ length }, () =>
        value(
          shape.item.shape,
          { ...shape.item.traits, ...within },
          constraint?.i,
          shape.item.name,
          random,
          skip,
          depth + 1,
        ),
      );
      return items.includes(undefined) ? undefined : items;
    }
    case "map": {
      const length = Math.min(Math.max(1 + Math.floor(random() * 2), constraint?.n ?? 1), constraint?.x ?? 2);
      const entries = Array.from({ length }, (_, at) => {
        const key = inHeader
          ? `k${at}`
          : text({}, at === 0 ? constraint?.k : { ...constraint?.k }, "key", random, false);
        return [
          key,
          value(
            shape.value.shape,
            { ...shape.value.traits, ...within },
            constraint?.v,
            "value",
            random,
            skip,
            depth + 1,
          ),
        ] as const;
      });
      return entries.some(([key, each]) => key === undefined || each === undefined)
        ? undefined
        : Object.fromEntries(entries as [string, unknown][]);
    }
    case "struct":
    case "union":
      return structure(shape, random, skip, depth);
    case "document":
      return { a: [1, "x", { b: true }] };
  }
}

function text(
  traits: Traits,
  constraint: Constraint | undefined,
  name: string,
  random: Random,
  inHeader: boolean,
): string | undefined {
  if (traits.mediaType !== undefined) return '{"a":1}';
  const choices =
    constraint?.e ?? (inHeader ? TOKENS : traits.httpLabel !== 1 ? WORDS : name === "Key" ? KEYS : LABELS);
  let chosen = pick(random, choices);
  const { n: least = 0, x: most = Infinity, p: pattern } = constraint ?? {};
  if (constraint?.e !== undefined) return chosen;
  if (chosen.length < least) chosen = chosen + "x".repeat(least - chosen.length);
  if (chosen.length > most) chosen = "x".repeat(most);
  if (pattern === undefined) return chosen;
  return matching(pattern, chosen, least, most);
}

const LIKELY = [
  "abc",
  "Abc1",
  "1",
  "12",
  "123456789012",
  "/",
  "/a/",
  "1.0",
  "2020-01-01",
  "$LATEST",
  "function-1",
  "a@b.c",
  "true",
  "arn:aws:iam::123456789012:role/r1",
  "arn:aws:lambda:us-east-1:123456789012:function:f",
  "arn:aws:sqs:us-east-1:123456789012:q",
  "arn:aws:events:us-east-1:123456789012:event-bus/b",
  "arn:aws:events:us-east-1:123456789012:rule/r",
  "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
  "arn:aws:rekognition:us-east-1:123456789012:project/p/1234567890123",
  "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1234567890123",
  "arn:aws:s3:::bucket",
  "12345678-1234-1234-1234-123456789012",
  "i-1234567890abcdef0",
  "mw-1234567890abcdef0",
  "a".repeat(40),
  "a".repeat(64),
  "https://example.com/a",
  "/bucket/key",
  "Aa::Bb::Cc",
  "aws.partner/example.com/a",
  "arn:aws:events:us-east-1:123456789012:connection/c/12345678-1234",
  "arn:aws:route53:::healthcheck/12345678-1234",
  "arn:aws:scheduler:us-east-1:123456789012:schedule-group/g",
  "v1",
  "o-1234567890/r-1234/ou-1",
  "lambda:GetLayerVersion",
  "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-12345678901234567",
  "arn:aws:lambda:us-east-1:123456789012:layer:l:1",
  "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-12345678901234567",
  "/mnt/a",
  "arn:aws:sns:us-east-1:123456789012:t",
  "arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1",
  "oi-1234567890ab",
  "Custom:a",
  "arn:aws:ssm:us-east-1:123456789012:opsmetadata/a",
  "mi-12345678901234567",
  "Name",
  "2026-05-04T09:12:31Z",
];

/** A text of the length wanted that matches, or none if no likely one does. */
function matching(pattern: string, chosen: string, least: number, most: number): string | undefined {
  const expression = compile(pattern);
  for (const each of [chosen, "x".repeat(Math.max(1, least)), "1".repeat(Math.max(1, least)), ...LIKELY]) {
    if (each.length >= least && each.length <= most && expression.test(each)) return each;
  }
  return undefined;
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return new RegExp(`^(?:${pattern})$`);
  }
}
