import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Handlers } from "../wire/service.ts";
import { fault } from "../wire/fault.ts";
import { busOf, ownBus, type BusName } from "./arns.ts";
import {
  busScope,
  noSuchBus,
  notImplemented,
  paged,
  pageStart,
  PAGE_LIMIT,
  tag,
  validation,
  wantBus,
  type Events,
} from "./common.ts";
import { grant, revoke } from "./policy.ts";
import { busRow, busRows, countRules, deleteBus, deleteTags, putBus, type BusRow } from "./rows.ts";
import type { Reader, Transaction } from "../store/store.ts";

type Names = "CreateEventBus" | "DeleteEventBus" | "DescribeEventBus" | "ListEventBuses" | "UpdateEventBus";

/** The buses' operations. */
export function busHandlers(events: Events): Pick<Handlers<typeof sdk>, Names> {
  const save = saver(events);
  return {
    CreateEventBus: (input, call) => {
      refuseUnsupported(input);
      if (input.EventSourceName !== undefined) throw notImplemented("partner event sources (EventSourceName)");
      if (input.Name.includes("/")) throw validation("Event bus name must not contain '/'.");
      const bus = busOf(call.account, call.region, input.Name);
      return call.commit(async (transaction) => {
        if (input.Name === "default" || (await busRow(transaction, bus.arn)))
          throw fault("ResourceAlreadyExistsException", `Event bus ${input.Name} already exists.`, { status: 400 });
        await save(transaction, bus, { description: input.Description ?? null });
        if (input.Tags) await tag(transaction, bus.arn, input.Tags);
        return { EventBusArn: bus.arn, ...(input.Description === undefined ? {} : { Description: input.Description }) };
      });
    },
    UpdateEventBus: (input, call) => {
      refuseUnsupported(input);
      return call.commit(async (transaction) => {
        const bus = await wantBus(transaction, input.Name, call);
        if (input.Description !== undefined) await save(transaction, bus, { description: input.Description });
        const description = (await busRow(transaction, bus.arn))?.description;
        return { Arn: bus.arn, Name: bus.name, ...(description ? { Description: description } : {}) };
      });
    },
    DeleteEventBus: (input, call) => {
      const bus = ownBus(input.Name, call.account, call.region);
      if (bus.name === "default") throw validation("Cannot delete event bus default.");
      return call.commit(async (transaction) => {
        if ((await countRules(transaction, bus.arn, 1)) > 0)
          throw validation(`Event bus ${bus.name} can't be deleted since it has rules.`);
        // Deleting what is not there is no error.
        await deleteBus(transaction, bus.arn);
        await deleteTags(transaction, bus.arn);
        transaction.bump(busScope(bus.arn));
        return {};
      });
    },
    DescribeEventBus: (input, call) =>
      call.read(async (reader) => {
        const bus = ownBus(input.Name, call.account, call.region);
        const row = await describable(reader, bus);
        return describe(row);
      }),
    ListEventBuses: (input, call) =>
      call.read(async (reader) => {
        const prefix = input.NamePrefix ?? "";
        const limit = input.Limit ?? PAGE_LIMIT;
        const after = pageStart(input.NextToken);
        // A page of rows is filtered by prefix; buses are few (the quota is 100).
        const rows = await busRows(reader, call.account, call.region, "", 1000);
        if (!rows.some(({ name }) => name === "default"))
          rows.push(await describable(reader, busOf(call.account, call.region, "default")));
        const wanted = rows
          .filter(({ name }) => name.startsWith(prefix) && name > after)
          .sort((one, other) => (one.name < other.name ? -1 : 1));
        const { page, next } = paged(wanted, limit, ({ name }) => name);
        return { EventBuses: page.map(describe), ...next };
      }),
  };
}

/** Who else may put events on a bus. */
export function permissionHandlers(events: Events): Pick<Handlers<typeof sdk>, "PutPermission" | "RemovePermission"> {
  const save = saver(events);
  return {
    PutPermission: (input, call) =>
      call.commit(async (transaction) => {
        const bus = await wantBus(transaction, input.EventBusName, call);
        const row = await busRow(transaction, bus.arn);
        await save(transaction, bus, { policy: grant(row?.policy ?? null, bus.arn, input) });
        return {};
      }),
    RemovePermission: (input, call) =>
      call.commit(async (transaction) => {
        const bus = await wantBus(transaction, input.EventBusName, call);
        const row = await busRow(transaction, bus.arn);
        const { StatementId: id, RemoveAllPermissions: all } = input;
        await save(transaction, bus, { policy: all ? null : revoke(row?.policy ?? null, id) });
        return {};
      }),
  };
}

type Save = (transaction: Transaction, bus: BusName, change: Partial<BusRow>) => Promise<void>;

/** Changes a bus's row, or makes it: the default bus has one as soon as there is something to say of it. */
function saver(events: Events): Save {
  return async (transaction, bus, change) => {
    const at = events.parts.clock.now();
    const fresh: BusRow = { ...bus, description: null, policy: null, created_at: at, updated_at: at };
    const row = (await busRow(transaction, bus.arn)) ?? fresh;
    await putBus(transaction, { ...row, ...change, updated_at: at });
    transaction.bump(busScope(bus.arn));
  };
}

function refuseUnsupported(input: {
  readonly KmsKeyIdentifier?: unknown;
  readonly DeadLetterConfig?: unknown;
  readonly LogConfig?: unknown;
}): void {
  if (input.KmsKeyIdentifier !== undefined) throw notImplemented("KmsKeyIdentifier of event buses");
  if (input.DeadLetterConfig !== undefined) throw notImplemented("DeadLetterConfig of event buses until it has SQS");
  if (input.LogConfig !== undefined) throw notImplemented("LogConfig of event buses");
}

async function describable(reader: Reader, bus: BusName): Promise<BusRow> {
  const row = await busRow(reader, bus.arn);
  if (row) return row;
  if (bus.name !== "default") throw noSuchBus(bus);
  return { ...bus, description: null, policy: null, created_at: 0, updated_at: 0 };
}

function describe(row: BusRow) {
  return {
    Name: row.name,
    Arn: row.arn,
    ...(row.description === null ? {} : { Description: row.description }),
    ...(row.policy === null ? {} : { Policy: row.policy }),
    // Nobody made the default bus, so it has no times until something about it changes.
    ...(row.created_at === 0
      ? {}
      : { CreationTime: new Date(row.created_at), LastModifiedTime: new Date(row.updated_at) }),
  };
}
