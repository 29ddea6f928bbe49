/**
 * The flow record's endpoint: what became of an object's last write, hop by hop, with the reason where it ended.
 * The rooms tell their hops as they go; where one is missing, the room that would have told it is asked why.
 */
import { defaultBus, isoSeconds, type CallFacts, type Event, type Parts } from "../flow.ts";
import { storyOf, type Hop } from "../relay/story.ts";
import { waitingOf } from "../relay/waiting.ts";
import type { Room } from "../room.ts";
import type { Reader } from "../store/store.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import { beginTrimming, trimStories } from "./retention.ts";
import type { Story, ToldHop } from "./tell.ts";
import { waitingHop } from "./waiting.ts";

/** The write of an object that is the beginning of a story. */
export type LastWrite = {
  readonly trace: string;
  /** Milliseconds. */
  readonly at: number;
  /** `PutObject`, `CopyObject`, `CompleteMultipartUpload`. */
  readonly operation: string;
  /** The bucket's owner and region. */
  readonly account: string;
  readonly region: string;
};
export type StorySources = {
  readonly lastWrite: (reader: Reader, bucket: string, key: string) => Promise<LastWrite | undefined>;
  /** Why no trail recorded a write. */
  readonly explainTrail: (
    reader: Reader,
    write: {
      readonly account: string;
      readonly region: string;
      readonly bucket: string;
      readonly key: string;
      readonly operation: string;
    },
  ) => Promise<string>;
  /** Why no rule of a bus matched an event: the closest rule and its first failing field. Undefined if one does match. */
  readonly explainRules: (reader: Reader, bus: string, event: Event) => Promise<string | undefined>;
};
type Write = LastWrite & { readonly bucket: string; readonly key: string };

/** Tells the stories of objects: `GET /_stepwell/flow?bucket=&key=`. */
export function storyRoom(parts: Parts, sources: StorySources): Room {
  trimStories(parts);
  return {
    services: [],
    endpoints: { flow: (query, facts) => flow(parts, sources, query, facts) },
    start: () => beginTrimming(parts),
  };
}

async function flow(parts: Parts, sources: StorySources, query: URLSearchParams, facts: CallFacts): Promise<Story> {
  const bucket = query.get("bucket");
  const key = query.get("key");
  if (!bucket || !key)
    throw fault("InvalidArgument", "The flow of an object needs the parameters bucket and key.", { status: 400 });
  const subject = `s3://${bucket}/${key}`;
  const { write, hops } = await parts.store.read(async (reader) => {
    const last = await sources.lastWrite(reader, bucket, key);
    // An object of another account is no more visible than one that does not exist.
    if (!last || last.account !== facts.account)
      throw fault("NoSuchKey", `No write of ${subject} is on record.`, { status: 404 });
    const found: Write = { ...last, bucket, key };
    return { write: found, hops: await explained(reader, sources, found, await storyOf(reader, last.trace)) };
  });
  const results = await resultsNow(parts, facts, hops);
  const began = Math.min(...hops.map((hop) => hop.at));
  const told = inOrder([...hops, ...results]).map((hop): ToldHop => ({
    ...hop,
    latencyMs: Math.max(0, hop.at - began),
  }));
  return { trace: write.trace, subject, hops: told };
}

const RANK: readonly Hop["hop"][] = ["call", "record", "event", "rule", "delivery", "execution", "result"];

/** By time, and within one millisecond in the order in which events travel. */
export function inOrder(hops: readonly Hop[]): Hop[] {
  return hops.toSorted((one, other) => one.at - other.at || RANK.indexOf(one.hop) - RANK.indexOf(other.hop));
}

/** The hops on record, what still waits, and a line of explanation where the next one is missing. */
async function explained(reader: Reader, sources: StorySources, write: Write, hops: readonly Hop[]): Promise<Hop[]> {
  const story = [...hops];
  const has = (kind: Hop["hop"]): boolean => story.some(({ hop }) => hop === kind);
  const subject = `s3://${write.bucket}/${write.key}`;
  const bus = defaultBus(write.account, write.region);
  if (!has("call")) story.push({ hop: "call", at: write.at, subject: `${write.operation} ${subject}`, outcome: "ok" });
  const recorded = has("record");
  for (const work of await waitingOf(reader, write.trace)) story.push(waitingHop(work, { object: subject, bus }));
  const events = story.filter(({ hop }) => hop === "event");
  if (!recorded && events.length === 0) {
    if (has("record")) return story;
    const reason = await sources.explainTrail(reader, write);
    story.push({ hop: "record", at: write.at, subject, outcome: "dead end", reason });
    return story;
  }
  if (has("rule") || has("delivery") || events.some(({ outcome }) => outcome !== "ok")) return story;
  const at = Math.max(...story.map((hop) => hop.at));
  const reason = await sources.explainRules(reader, bus, recorded ? recordedEvent(write) : nativeEvent(write));
  if (reason === undefined)
    story.push({ hop: "rule", at, subject: bus, outcome: "waiting", reason: "the event has not been matched yet" });
  else story.push({ hop: "rule", at, subject: bus, outcome: "dead end", reason });
  return story;
}

const OBJECT_TYPE = "AWS::S3::Object";
const BUCKET_TYPE = "AWS::S3::Bucket";

/** The write's event through the trail, as far as rules look at it: enough to tell which rule came closest. */
function recordedEvent(write: Write): Event {
  const arn = `arn:aws:s3:::${write.bucket}`;
  return {
    ...envelope(write, "AWS API Call via CloudTrail"),
    detail: {
      eventSource: "s3.amazonaws.com",
      eventName: write.operation,
      awsRegion: write.region,
      eventTime: isoSeconds(write.at),
      requestParameters: { bucketName: write.bucket, key: write.key },
      readOnly: false,
      managementEvent: false,
      resources: [
        { type: OBJECT_TYPE, ARN: `${arn}/${write.key}` },
        { type: BUCKET_TYPE, ARN: arn, accountId: write.account },
      ],
      eventType: "AwsApiCall",
      eventCategory: "Data",
      recipientAccountId: write.account,
    },
  };
}

/** The write's event by the bucket's notification. */
function nativeEvent(write: Write): Event {
  return {
    ...envelope(write, "Object Created"),
    resources: [`arn:aws:s3:::${write.bucket}`],
    detail: {
      version: "0",
      bucket: { name: write.bucket },
      object: { key: write.key },
      reason: write.operation,
    },
  };
}

function envelope(write: Write, detailType: string): Omit<Event, "detail"> {
  return {
    version: "0",
    id: write.trace,
    "detail-type": detailType,
    source: "aws.s3",
    account: write.account,
    time: isoSeconds(write.at),
    region: write.region,
    resources: [],
  };
}

/** How the executions of a story that have no result yet stand now, asked in the name of whoever asks for the story. */
async function resultsNow(parts: Parts, facts: CallFacts, hops: readonly Hop[]): Promise<Hop[]> {
  const ended = new Set(hops.filter(({ hop }) => hop === "result").map(({ subject }) => subject));
  const running = hops.filter(
    ({ hop, outcome, subject }) => hop === "execution" && outcome === "ok" && !ended.has(subject),
  );
  const results: Hop[] = [];
  for (const { subject } of running.slice(0, 20)) {
    const result = await resultNow(parts, facts, subject);
    if (result) results.push(result);
  }
  return results;
}

async function resultNow(parts: Parts, facts: CallFacts, executionArn: string): Promise<Hop | undefined> {
  // Nobody can describe an Express execution; its end is told in the story, so one without it still runs.
  if (executionArn.split(":")[5] === "express") return runsYet(parts.clock.now(), executionArn, "RUNNING");
  try {
    const { status = "RUNNING" } = await parts.call<{ readonly status?: string }>({
      service: "states",
      operation: "DescribeExecution",
      input: { executionArn },
      as: { kind: "principal", principal: facts.principal },
      // Looking at a story is no part of it.
      trace: facts.trace,
      region: facts.region,
    });
    const at = parts.clock.now();
    if (status === "RUNNING" || status === "PENDING_REDRIVE") return runsYet(at, executionArn, status);
    if (status === "SUCCEEDED") return { hop: "result", at, subject: executionArn, outcome: "ok" };
    return { hop: "result", at, subject: executionArn, outcome: "dead end", reason: `the execution ${status}` };
  } catch (error) {
    if (error instanceof AwsFault) return undefined;
    throw error;
  }
}

function runsYet(at: number, executionArn: string, status: string): Hop {
  return { hop: "result", at, subject: executionArn, outcome: "waiting", reason: `the execution is ${status}` };
}
