import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Call } from "../flow.ts";
import type { Handlers } from "../wire/service.ts";
import { ownBus, ruleArn, type BusName } from "./arns.ts";
import {
  limitExceeded,
  paged,
  pageStart,
  PAGE_LIMIT,
  tag,
  touch,
  validation,
  wantBus,
  wantPattern,
  wantRule,
  type Events,
} from "./common.ts";
import { arm, disarm } from "./fire.ts";
import { parseSchedule } from "./schedule.ts";
import {
  countRules,
  deleteRule,
  deleteTags,
  putRule,
  ruleRow,
  ruleRows,
  rulesByTarget,
  targetRows,
  type RuleRow,
} from "./rows.ts";

type Names = "PutRule" | "DeleteRule" | "EnableRule" | "DisableRule";
type State = sdk.RuleState;

/** The rules' operations that change something. */
export function ruleHandlers(events: Events): Pick<Handlers<typeof sdk>, Names> {
  return {
    PutRule: async (input, call) => {
      if (input.EventPattern === undefined && input.ScheduleExpression === undefined)
        throw validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
      const bus = ownBus(input.EventBusName, call.account, call.region);
      if (input.EventPattern !== undefined) wantPattern(input.EventPattern);
      if (input.ScheduleExpression !== undefined) {
        if (bus.name !== "default") throw validation("ScheduleExpression is supported only on the default event bus.");
        parseSchedule(input.ScheduleExpression);
      }
      if (input.RoleArn !== undefined)
        await call.passRole(input.RoleArn, "events.amazonaws.com", ruleArn(bus, input.Name));
      return call.commit(async (transaction) => {
        await wantBus(transaction, input.EventBusName, call);
        const before = await ruleRow(transaction, bus.arn, input.Name);
        if (!before && (await countRules(transaction, bus.arn, events.ruleQuota)) >= events.ruleQuota)
          throw limitExceeded();
        const row: RuleRow = {
          bus: bus.arn,
          name: input.Name,
          arn: ruleArn(bus, input.Name),
          description: input.Description ?? null,
          pattern: input.EventPattern ?? null,
          schedule: input.ScheduleExpression ?? null,
          state: input.State ?? "ENABLED",
          role_arn: input.RoleArn ?? null,
          created_by: before?.created_by ?? call.account,
        };
        await putRule(transaction, row);
        // "If you are updating an existing rule, any tags you specify in the PutRule operation are not applied."
        if (input.Tags && !before) await tag(transaction, row.arn, input.Tags);
        await touch(events, transaction, bus.arn, row.name);
        await arm(events, transaction, row);
        return { RuleArn: row.arn };
      });
    },
    DeleteRule: (input, call) =>
      call.commit(async (transaction) => {
        const bus = await wantBus(transaction, input.EventBusName, call);
        const row = await ruleRow(transaction, bus.arn, input.Name);
        // Deleting what is not there is no error.
        if (!row) return {};
        if ((await targetRows(transaction, bus.arn, input.Name, "", 1)).length > 0)
          throw validation("Rule can't be deleted since it has targets.");
        await deleteRule(transaction, bus.arn, input.Name);
        await deleteTags(transaction, row.arn);
        await disarm(events, transaction, row.arn);
        await touch(events, transaction, bus.arn, input.Name);
        return {};
      }),
    EnableRule: (input, call) => setState(events, call, input, "ENABLED"),
    DisableRule: (input, call) => setState(events, call, input, "DISABLED"),
  };
}

type RuleName = { readonly Name: string; readonly EventBusName?: string | undefined };

function setState(events: Events, call: Call, input: RuleName, state: State): Promise<object> {
  return call.commit(async (transaction) => {
    const bus = await wantBus(transaction, input.EventBusName, call);
    const row = await wantRule(transaction, bus, input.Name);
    if (row.state === state) return {};
    const changed = { ...row, state };
    await putRule(transaction, changed);
    await touch(events, transaction, bus.arn, input.Name);
    await arm(events, transaction, changed);
    return {};
  });
}

/** The rules' operations that change nothing. */
export function ruleReaders(): Pick<Handlers<typeof sdk>, "DescribeRule" | "ListRules" | "ListRuleNamesByTarget"> {
  return {
    DescribeRule: (input, call) =>
      call.read(async (reader) => {
        const bus = await wantBus(reader, input.EventBusName, call);
        const row = await wantRule(reader, bus, input.Name);
        return { ...describe(row, bus), CreatedBy: row.created_by };
      }),
    ListRules: (input, call) =>
      call.read(async (reader) => {
        const bus = await wantBus(reader, input.EventBusName, call);
        const limit = input.Limit ?? PAGE_LIMIT;
        const prefix = input.NamePrefix ?? "";
        const after = pageStart(input.NextToken);
        const from = after === "" ? prefix : `${after}\u0001`;
        const rows = await ruleRows(reader, bus.arn, from > prefix ? from : prefix, `${prefix}\u{10ffff}`, limit + 1);
        const { page, next } = paged(rows, limit, ({ name }) => name);
        return { Rules: page.map((row) => describe(row, bus)), ...next };
      }),
    ListRuleNamesByTarget: (input, call) =>
      call.read(async (reader) => {
        const bus = await wantBus(reader, input.EventBusName, call);
        const limit = input.Limit ?? PAGE_LIMIT;
        const rows = await rulesByTarget(reader, bus.arn, input.TargetArn, pageStart(input.NextToken), limit + 1);
        const { page, next } = paged(rows, limit, ({ rule }) => rule);
        return { RuleNames: page.map(({ rule }) => rule), ...next };
      }),
  };
}

function describe(row: RuleRow, bus: BusName) {
  return {
    Name: row.name,
    Arn: row.arn,
    ...(row.pattern === null ? {} : { EventPattern: row.pattern }),
    ...(row.schedule === null ? {} : { ScheduleExpression: row.schedule }),
    State: row.state as State,
    ...(row.description === null ? {} : { Description: row.description }),
    ...(row.role_arn === null ? {} : { RoleArn: row.role_arn }),
    EventBusName: bus.name,
  };
}
