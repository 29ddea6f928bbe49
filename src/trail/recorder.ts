/**
 * The recorder: every finished call becomes a record. Management records go into the event history; what a logging
 * trail selects waits for its log file and goes to the default event bus. It rides in the commit of the call, so it
 * does little: one statement for the history, one for each selecting trail.
 */
import { defaultBus, eventOf, type FinishedCall, type Parts, type Routed, type TrailRecord } from "../flow.ts";
import { VersionedCache } from "../store/cache.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { DONE } from "../relay/relay.ts";
import { dataArnOf, dataTypeOf, eventNameOf, isOwnDelivery, S3_OBJECT, textOf } from "./classes.ts";
import { invokingService, userNameOf } from "./identity.ts";
import { resourcesText } from "./lookup.ts";
import { eventIdAt, recipientsOf, recordOf } from "./record.ts";
import { insertEvent, insertPending, trailsOf, trailsScope } from "./rows.ts";
import { Selection, type EventFacts } from "./selectors.ts";
import { trailArn, type Trail } from "./trails.ts";

/** The recorder, and the worker of the calls that the gate hands on. Structurally the gate's `Recorder`. */
export function createRecorder(parts: Parts) {
  const selections = new VersionedCache<Selection>(4096);
  const selectionOf = (reader: Reader, account: string, region: string): Promise<Selection> =>
    selections.get(
      reader,
      `${account}/${region}`,
      async (source) => new Selection(await trailsOf(source, account), region),
      trailsScope(account),
    );

  async function record(transaction: Transaction, call: FinishedCall): Promise<void> {
    if (isOwnDelivery(call)) return;
    const facts = factsOf(call);
    const recipients = recipientsOf(call);
    const shared = recipients.length > 1 ? parts.clock.uuid() : undefined;
    for (const recipient of recipients) {
      const selection = await selectionOf(transaction, recipient, call.region);
      const trails = selection.select(facts, bucketOf(call, facts));
      if (facts.category === "Data" && trails.length === 0) continue;
      const eventId = eventIdAt(call.at, parts.clock.uuid());
      const ids = { eventId, recipient, ...(shared === undefined ? {} : { sharedEventId: shared }) };
      const told = recordOf(call, ids);
      const text = JSON.stringify(told);
      if (facts.category === "Management") await keepInHistory(transaction, call, told, text);
      for (const trail of trails) await insertPending(transaction, trail.id, eventId, call.region, text);
      if (trails.length > 0) await route(parts, transaction, call, told, trails);
    }
  }

  parts.relay.pure("call", async (transaction, work) => {
    await record(transaction, work.body as FinishedCall);
    return DONE;
  });

  return {
    /** False if nobody would keep a record of the call: then a read needs no transaction. */
    async wants(reader: Reader, call: FinishedCall): Promise<boolean> {
      if (isOwnDelivery(call)) return false;
      if (dataTypeOf(call.eventSource, call.operation) === undefined) return true;
      const facts = factsOf(call);
      for (const recipient of recipientsOf(call)) {
        const selection = await selectionOf(reader, recipient, call.region);
        if (selection.select(facts, bucketOf(call, facts)).length > 0) return true;
      }
      return false;
    },
  };
}

function factsOf(call: FinishedCall): EventFacts {
  const type = dataTypeOf(call.eventSource, call.operation);
  return {
    category: type === undefined ? "Management" : "Data",
    readOnly: call.readOnly,
    eventSource: call.eventSource,
    eventName: eventNameOf(call),
    type: type ?? "",
    arn: type === undefined ? "" : dataArnOf(call, type),
    userArn: "arn" in call.principal ? call.principal.arn : "",
    errorCode: call.error?.code ?? "",
  };
}

function bucketOf(call: FinishedCall, facts: EventFacts): string {
  return facts.type === S3_OBJECT ? (textOf(call.input, "Bucket") ?? "") : "";
}

async function keepInHistory(
  transaction: Transaction,
  call: FinishedCall,
  record: TrailRecord,
  text: string,
): Promise<void> {
  await insertEvent(transaction, {
    account: record.recipientAccountId,
    region: record.awsRegion,
    id: record.eventID,
    name: record.eventName,
    source: record.eventSource,
    username: userNameOf(call.principal),
    accessKey: "accessKeyId" in call.principal ? call.principal.accessKeyId : "",
    readOnly: record.readOnly,
    resources: resourcesText(call),
    record: text,
  });
}

/**
 * One event for the record, however many trails selected it, and two lines of the story.
 * What a service does in the course of a story (it assumes a role, it starts an execution) is itself recorded and
 * routed; that is a branch, told under a trace of its own, so that the story of an upload stays one line of hops.
 */
async function route(
  parts: Parts,
  transaction: Transaction,
  call: FinishedCall,
  record: TrailRecord,
  trails: readonly Trail[],
): Promise<void> {
  const isBranch = record.managementEvent && invokingService(call.principal) !== undefined;
  const trace = isBranch ? `${call.trace}/${call.requestId}` : call.trace;
  const now = parts.clock.now();
  parts.tell(transaction, trace, {
    hop: "call",
    at: call.at,
    subject: subjectOf(call),
    ...(call.error ? { outcome: "dead end", reason: `${call.error.code}: ${call.error.message}` } : { outcome: "ok" }),
  });
  const keepers = trails.map(trailArn).join(", ");
  parts.tell(transaction, trace, { hop: "record", at: now, subject: `${record.eventID} by ${keepers}`, outcome: "ok" });
  const bus = defaultBus(record.recipientAccountId, record.awsRegion);
  const routed: Routed = {
    event: eventOf(record, parts.clock.uuid()),
    bus,
    readOnlyManagement: record.managementEvent && record.readOnly,
    ingestedAt: now,
  };
  await parts.relay.append(transaction, { kind: "event", key: bus, trace, body: routed });
}

function subjectOf(call: FinishedCall): string {
  const bucket = textOf(call.input, "Bucket");
  if (call.eventSource === "s3.amazonaws.com" && bucket !== undefined) {
    const key = textOf(call.input, "Key");
    return `${call.operation} s3://${bucket}${key === undefined ? "" : `/${key}`}`;
  }
  const resource = call.resources[0]?.arn;
  return resource === undefined ? call.operation : `${call.operation} ${resource}`;
}
