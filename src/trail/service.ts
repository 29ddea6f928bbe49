/** CloudTrail's operations. What a trail records is decided in recorder.ts; its log files are written in delivery.ts. */
import type * as cloudtrail from "@aws-sdk/client-cloudtrail";
import type { PutEventSelectorsRequest } from "@aws-sdk/client-cloudtrail";
import type { Access, Call, CallFacts, Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { defineService, type Handlers, type ServiceDefinition } from "../wire/service.ts";
import { beginDelivery } from "./delivery.ts";
import { trailsIn, trailToChange, trailToRead } from "./find.ts";
import { lookupEvents } from "./lookup.ts";
import { checkedSelectors } from "./rules.ts";
import { deleteTrail, deliveryStatus, insertTrail, trailNamed, trailsOf, trailsScope, updateTrail } from "./rows.ts";
import { DEFAULT_SELECTORS } from "./selectors.ts";
import { answered, settingsWith, shown, tagsWith } from "./settings.ts";
import { probeStorage, warnOfLoop } from "./storage.ts";
import { checkName, SERVICE, trailArn, trailPlace, TRAILS_PER_REGION, type Selectors, type Trail } from "./trails.ts";

type CloudTrail = typeof cloudtrail;

/** The service `cloudtrail`. */
export function trailService(parts: Parts, flushMs: number): ServiceDefinition {
  return defineService<CloudTrail>({
    name: "cloudtrail",
    model: "cloudtrail",
    eventSource: SERVICE,
    handlers: {
      ...trailHandlers(parts),
      ...readHandlers(parts),
      ...loggingHandlers(parts, flushMs),
      ...selectorHandlers(parts),
      ...tagHandlers(),
    },
    access: async (operation, input, facts) => accessOf(operation, input, facts),
    resources: (_, input, __, facts) =>
      arnsIn(input, facts).map((arn) => ({ type: "AWS::CloudTrail::Trail", arn, account: facts.account })),
  });
}

/** Changes a trail in the call's one transaction, and with it every cache of the account's trails. */
async function change<T>(
  call: Call,
  nameOrArn: string,
  work: (trail: Trail, transaction: Transaction) => Promise<{ readonly trail: Trail; readonly output: T }>,
): Promise<T> {
  return call.commit(async (transaction) => {
    const found = await trailToChange(transaction, nameOrArn, call);
    const { trail, output } = await work(found, transaction);
    await updateTrail(transaction, trail);
    transaction.bump(trailsScope(trail.account));
    return output;
  });
}

function trailHandlers(parts: Parts): Handlers<CloudTrail> {
  return {
    async CreateTrail(input, call) {
      checkName(input.Name);
      const tags = tagsWith({}, input.TagsList ?? []);
      const fresh = { bucket: input.S3BucketName, multiRegion: false, globalEvents: true, tags };
      const { account, region } = call;
      const settings = settingsWith(input, fresh);
      const trail: Trail = { id: parts.clock.uuid(), account, region, name: input.Name, logging: false, settings };
      await call.read(async (reader) => refuseAnother(await trailsOf(reader, account), trail));
      await probeStorage(call, trail);
      warnOfLoop(parts, trail);
      return call.commit(async (transaction) => {
        refuseAnother(await trailsOf(transaction, account), trail);
        await insertTrail(transaction, trail);
        transaction.bump(trailsScope(account));
        return answered(trail);
      });
    },
    async UpdateTrail(input, call) {
      const before = await call.read((reader) => trailToChange(reader, input.Name, call));
      const wanted: Trail = { ...before, settings: settingsWith(input, before.settings) };
      await probeStorage(call, wanted);
      warnOfLoop(parts, wanted);
      return change(call, input.Name, async (current) => {
        const trail = { ...current, settings: settingsWith(input, current.settings) };
        return { trail, output: answered(trail) };
      });
    },
    async DeleteTrail(input, call) {
      return call.commit(async (transaction) => {
        const trail = await trailToChange(transaction, input.Name, call);
        await deleteTrail(transaction, trail.id);
        transaction.bump(trailsScope(trail.account));
        return {};
      });
    },
  };
}

function refuseAnother(trails: readonly Trail[], trail: Trail): void {
  const here = trails.filter((other) => other.region === trail.region || other.settings.multiRegion);
  if (here.some((other) => other.name === trail.name))
    throw fault("TrailAlreadyExistsException", `Trail ${trail.name} already exists for customer: ${trail.account}`);
  if (here.length >= TRAILS_PER_REGION)
    throw fault(
      "MaximumNumberOfTrailsExceededException",
      `User: ${trail.account} already has ${TRAILS_PER_REGION} trails in ${trail.region}.`,
    );
}

function readHandlers(parts: Parts): Handlers<CloudTrail> {
  return {
    GetTrail: (input, call) =>
      call.read(async (reader) => ({ Trail: shown(await trailToRead(reader, input.Name, call)) })),
    DescribeTrails: (input, call) =>
      call.read(async (reader) => {
        const wanted = input.trailNameList ?? [];
        if (wanted.length === 0) {
          const trails = await trailsIn(reader, call, input.includeShadowTrails ?? true);
          return { trailList: trails.map(shown) };
        }
        const trails: Trail[] = [];
        for (const name of wanted) {
          const place = trailPlace(name, call);
          const trail = place.account === call.account ? await trailNamed(reader, place) : undefined;
          const shadow = trail ?? (await trailsIn(reader, call, true)).find((other) => other.name === name);
          if (shadow && !trails.some((other) => other.id === shadow.id)) trails.push(shadow);
        }
        return { trailList: trails.map(shown) };
      }),
    ListTrails: (_, call) =>
      call.read(async (reader) => ({
        Trails: (await trailsOf(reader, call.account)).map((trail) => ({
          TrailARN: trailArn(trail),
          Name: trail.name,
          HomeRegion: trail.region,
        })),
      })),
    GetTrailStatus: (input, call) =>
      call.read(async (reader) => {
        const trail = await trailToRead(reader, input.Name, call);
        const status = await deliveryStatus(reader, trail.id);
        return statusOf(trail, status?.delivered_at, status?.attempted_at, status?.delivery_error);
      }),
    LookupEvents: (input, call) => call.read((reader) => lookupEvents(reader, call, input, parts.clock.now())),
    // The keys that sign digest files. No trail here writes digest files, so there are none.
    ListPublicKeys: async () => ({ PublicKeyList: [] }),
  };
}

function statusOf(
  trail: Trail,
  deliveredAt: number | null | undefined,
  attemptedAt: number | null | undefined,
  error: string | null | undefined,
) {
  const { startedAt, stoppedAt } = trail.settings;
  const text = (ms: number | null | undefined): string => (ms ? `${new Date(ms).toISOString().slice(0, 19)}Z` : "");
  return {
    IsLogging: trail.logging,
    ...(error ? { LatestDeliveryError: error } : {}),
    ...(deliveredAt ? { LatestDeliveryTime: new Date(deliveredAt) } : {}),
    ...(startedAt === undefined ? {} : { StartLoggingTime: new Date(startedAt) }),
    ...(stoppedAt === undefined ? {} : { StopLoggingTime: new Date(stoppedAt) }),
    LatestDeliveryAttemptTime: text(attemptedAt),
    LatestNotificationAttemptTime: "",
    LatestNotificationAttemptSucceeded: "",
    LatestDeliveryAttemptSucceeded: text(deliveredAt),
    TimeLoggingStarted: text(startedAt),
    TimeLoggingStopped: text(stoppedAt),
  };
}

function loggingHandlers(parts: Parts, flushMs: number): Handlers<CloudTrail> {
  return {
    StartLogging: (input, call) =>
      change(call, input.Name, async (current, transaction) => {
        const startedAt = parts.clock.now();
        const trail = current.logging
          ? current
          : { ...current, logging: true, settings: { ...current.settings, startedAt } };
        await beginDelivery(parts, transaction, trail, call.trace, flushMs);
        return { trail, output: {} };
      }),
    StopLogging: (input, call) =>
      change(call, input.Name, async (current) => {
        const stoppedAt = parts.clock.now();
        const trail = current.logging
          ? { ...current, logging: false, settings: { ...current.settings, stoppedAt } }
          : current;
        return { trail, output: {} };
      }),
  };
}

function selectorHandlers(parts: Parts): Handlers<CloudTrail> {
  return {
    async PutEventSelectors(input, call) {
      const selectors = checkedSelectors(input as unknown as PutEventSelectorsRequest);
      const trail = await change(call, input.TrailName, async (current) => {
        const next = { ...current, settings: { ...current.settings, selectors } };
        return { trail: next, output: next };
      });
      warnOfLoop(parts, trail);
      return selectorsAnswer(trail, selectors);
    },
    GetEventSelectors: (input, call) =>
      call.read(async (reader) => {
        const trail = await trailToRead(reader, input.TrailName, call);
        return selectorsAnswer(trail, trail.settings.selectors);
      }),
  };
}

function selectorsAnswer(trail: Trail, selectors: Selectors | undefined) {
  const TrailARN = trailArn(trail);
  if (selectors?.style === "advanced") return { TrailARN, AdvancedEventSelectors: [...selectors.selectors] };
  return { TrailARN, EventSelectors: [...(selectors?.selectors ?? DEFAULT_SELECTORS)] };
}

function tagHandlers(): Handlers<CloudTrail> {
  return {
    AddTags: (input, call) =>
      change(call, input.ResourceId, async (current) => {
        const tags = tagsWith(current.settings.tags, input.TagsList);
        return { trail: { ...current, settings: { ...current.settings, tags } }, output: {} };
      }),
    RemoveTags: (input, call) =>
      change(call, input.ResourceId, async (current) => {
        const gone = new Set(input.TagsList.map((tag) => tag.Key));
        const tags = Object.fromEntries(Object.entries(current.settings.tags).filter(([key]) => !gone.has(key)));
        return { trail: { ...current, settings: { ...current.settings, tags } }, output: {} };
      }),
    ListTags: (input, call) =>
      call.read(async (reader) => {
        const ResourceTagList = [];
        for (const id of input.ResourceIdList) {
          const { settings } = await trailToRead(reader, id, call);
          const TagsList = Object.entries(settings.tags).map(([Key, Value]) => ({ Key, Value }));
          ResourceTagList.push({ ResourceId: id, TagsList });
        }
        return { ResourceTagList };
      }),
  };
}

/** What the caller must be allowed: the action of the operation's name, on the trails that the request names. */
function accessOf(operation: string, input: unknown, facts: CallFacts): readonly Access[] {
  const action = `cloudtrail:${operation}`;
  const arns = arnsIn(input, facts);
  // DescribeTrails and the calls that name no trail are asked on `*`, as AWS lists them.
  if (arns.length === 0 || operation === "DescribeTrails") return [{ action, resource: "*" }];
  return arns.map((resource) => ({ action, resource }));
}

function arnsIn(input: unknown, facts: CallFacts): string[] {
  const members = (input ?? {}) as Readonly<Record<string, unknown>>;
  const named = [members["Name"], members["TrailName"], members["ResourceId"], members["ResourceIdList"]];
  return named
    .flat()
    .filter((name) => typeof name === "string")
    .map((name) => (name.startsWith("arn:") ? name : trailArn({ ...facts, name })));
}
