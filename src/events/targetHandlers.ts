import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Handlers } from "../wire/service.ts";
import { fault } from "../wire/fault.ts";
import { ownBus, resourceOf } from "./arns.ts";
import { limitExceeded, paged, pageStart, PAGE_LIMIT, tag, touch, wantBus, wantRule, type Events } from "./common.ts";
import { busRow, deleteTag, deleteTarget, putTarget, ruleRow, tagRows, targetRows } from "./rows.ts";
import { refusalOf } from "./targets.ts";
import type { Reader } from "../store/store.ts";

type Names =
  | "PutTargets"
  | "RemoveTargets"
  | "ListTargetsByRule"
  | "TagResource"
  | "UntagResource"
  | "ListTagsForResource";
/** AWS's quota of targets per rule. */
const TARGET_QUOTA = 5;

/** The targets' and tags' operations. */
export function targetHandlers(events: Events): Pick<Handlers<typeof sdk>, Names> {
  return {
    PutTargets: async (input, call) => {
      const bus = ownBus(input.EventBusName, call.account, call.region);
      const failed: sdk.PutTargetsResultEntry[] = [];
      const accepted: (typeof input.Targets)[number][] = [];
      await call.read(async (reader) => {
        await wantBus(reader, input.EventBusName, call);
        await wantRule(reader, bus, input.Rule);
      });
      for (const target of input.Targets) {
        const refusal = refusalOf(target as sdk.Target & { Id: string; Arn: string }, bus);
        if (refusal?.whole) throw fault(refusal.code, refusal.message, { status: 400 });
        if (refusal) failed.push({ TargetId: target.Id, ErrorCode: refusal.code, ErrorMessage: refusal.message });
        else accepted.push(target);
      }
      for (const role of new Set(accepted.flatMap(({ RoleArn }) => RoleArn ?? [])))
        await call.passRole(role, "events.amazonaws.com");
      return call.commit(async (transaction) => {
        await wantRule(transaction, bus, input.Rule);
        const known = new Set((await targetRows(transaction, bus.arn, input.Rule, "", 100)).map(({ id }) => id));
        for (const { Id } of accepted) known.add(Id);
        if (known.size > TARGET_QUOTA) throw limitExceeded();
        for (const target of accepted) {
          const { Id: id, Arn: arn } = target;
          await putTarget(transaction, { bus: bus.arn, rule: input.Rule, id, arn, spec: JSON.stringify(target) });
        }
        if (accepted.length > 0) await touch(events, transaction, bus.arn, input.Rule);
        return { FailedEntryCount: failed.length, FailedEntries: failed };
      });
    },
    RemoveTargets: (input, call) =>
      call.commit(async (transaction) => {
        const bus = await wantBus(transaction, input.EventBusName, call);
        await wantRule(transaction, bus, input.Rule);
        for (const id of input.Ids) await deleteTarget(transaction, bus.arn, input.Rule, id);
        await touch(events, transaction, bus.arn, input.Rule);
        return { FailedEntryCount: 0, FailedEntries: [] };
      }),
    ListTargetsByRule: (input, call) =>
      call.read(async (reader) => {
        const bus = await wantBus(reader, input.EventBusName, call);
        await wantRule(reader, bus, input.Rule);
        const limit = input.Limit ?? PAGE_LIMIT;
        const rows = await targetRows(reader, bus.arn, input.Rule, pageStart(input.NextToken), limit + 1);
        const { page, next } = paged(rows, limit, ({ id }) => id);
        return { Targets: page.map(({ spec }) => JSON.parse(spec) as sdk.Target), ...next };
      }),
    TagResource: (input, call) =>
      call.commit(async (transaction) => {
        await wantResource(transaction, input.ResourceARN, call.account);
        await tag(transaction, input.ResourceARN, input.Tags);
        return {};
      }),
    UntagResource: (input, call) =>
      call.commit(async (transaction) => {
        await wantResource(transaction, input.ResourceARN, call.account);
        for (const key of input.TagKeys) await deleteTag(transaction, input.ResourceARN, key);
        return {};
      }),
    ListTagsForResource: (input, call) =>
      call.read(async (reader) => {
        await wantResource(reader, input.ResourceARN, call.account);
        const rows = await tagRows(reader, input.ResourceARN);
        return { Tags: rows.map(({ key, value }) => ({ Key: key, Value: value })) };
      }),
  };
}

async function wantResource(reader: Reader, arn: string, account: string): Promise<void> {
  const resource = resourceOf(arn);
  const mine = resource?.bus.account === account;
  const { bus, rule } = resource ?? {};
  if (mine && bus && rule !== undefined && (await ruleRow(reader, bus.arn, rule))) return;
  if (mine && bus && rule === undefined && (bus.name === "default" || (await busRow(reader, bus.arn)))) return;
  const what =
    rule === undefined
      ? `Event bus ${bus?.name ?? arn} does not exist.`
      : `Rule ${rule} does not exist on EventBus ${bus?.name}.`;
  throw fault("ResourceNotFoundException", what, { status: 400 });
}
