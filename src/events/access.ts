import type { Access, CallFacts } from "../flow.ts";
import { VersionedCache } from "../store/cache.ts";
import type { Reader } from "../store/store.ts";
import { busNamed, ruleArn, type BusName } from "./arns.ts";
import { busScope } from "./common.ts";
import { busRow } from "./rows.ts";

/** The members of all inputs that name a resource. */
type Named = {
  readonly Name?: string;
  readonly Rule?: string;
  readonly EventBusName?: string;
  readonly ResourceARN?: string;
  readonly Entries?: readonly { readonly EventBusName?: string }[];
};

const ON_RULE = new Set([
  "PutRule",
  "DeleteRule",
  "DescribeRule",
  "EnableRule",
  "DisableRule",
  "PutTargets",
  "RemoveTargets",
  "ListTargetsByRule",
]);
const ON_BUS_BY_NAME = new Set(["CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus"]);
const ON_BUS = new Set(["PutPermission", "RemovePermission"]);
const ON_CONNECTION = new Set([
  "CreateConnection",
  "UpdateConnection",
  "DescribeConnection",
  "DeleteConnection",
  "DeauthorizeConnection",
]);
const ON_ARN = new Set(["TagResource", "UntagResource", "ListTagsForResource"]);

/** What each operation needs: an action on the rule, the bus (with its policy), or, for lists and tests, on `*`. */
export function eventsAccess(): (
  operation: string,
  input: never,
  facts: CallFacts,
  reader: Reader,
) => Promise<readonly Access[]> {
  const policies = new VersionedCache<string | undefined>(1000);
  const onBus = async (action: string, bus: BusName, facts: CallFacts, reader: Reader): Promise<Access> => {
    const policy = await policies.get(
      reader,
      busScope(bus.arn),
      async (from) => (await busRow(from, bus.arn))?.policy ?? undefined,
    );
    return {
      action,
      resource: bus.arn,
      ...(bus.account === facts.account ? {} : { owner: bus.account }),
      ...(policy === undefined ? {} : { resourcePolicy: policy }),
    };
  };
  return async (operation, given, facts, reader) => {
    const input = given as Named;
    const action = `events:${operation}`;
    if (operation === "PutEvents") {
      const buses = new Map<string, BusName>();
      for (const { EventBusName } of input.Entries ?? []) {
        const bus = busNamed(EventBusName, facts.account, facts.region);
        buses.set(bus.arn, bus);
      }
      return Promise.all(Array.from(buses.values(), (bus) => onBus(action, bus, facts, reader)));
    }
    if (ON_RULE.has(operation)) {
      const bus = busNamed(input.EventBusName, facts.account, facts.region);
      const owner = bus.account === facts.account ? {} : { owner: bus.account };
      return [{ action, resource: ruleArn(bus, input.Name ?? input.Rule ?? ""), ...owner }];
    }
    if (ON_BUS_BY_NAME.has(operation) || ON_BUS.has(operation)) {
      const named = ON_BUS.has(operation) ? input.EventBusName : input.Name;
      return [await onBus(action, busNamed(named, facts.account, facts.region), facts, reader)];
    }
    if (ON_CONNECTION.has(operation)) {
      const resource = `arn:aws:events:${facts.region}:${facts.account}:connection/${input.Name ?? ""}`;
      return [{ action, resource }];
    }
    return [{ action, resource: ON_ARN.has(operation) ? (input.ResourceARN ?? "*") : "*" }];
  };
}
