/** Roles, and the linked roles that services have. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Parts } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import type { Handlers } from "../wire/service.ts";
import { fault } from "../wire/fault.ts";
import { newId } from "./names.ts";
import { deleteUsage } from "./policy-rows.ts";
import { accountScope, deleteEntity, entitiesAfter, insertEntity } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { showRole } from "./show.ts";
import { alreadyExists, findAttachable, findChangeableRole, findEntity, limitExceeded, newEntity } from "./support.ts";
import { noSuchEntity, pageOf, policySize, saveEntity, withTags } from "./support.ts";
import { namedIds } from "./trust.ts";
import { usageFor } from "./usage.ts";
import { refuseIfInUse } from "./users.ts";
import { checkedPolicy } from "./validate.ts";

const TRUST_SIZE_LIMIT = 2048;

export function roleHandlers(parts: Parts) {
  const { clock } = parts;
  const usage = usageFor(parts);
  /** With when it was last used, as only GetRole answers. */
  const shown = async (reader: Reader, row: EntityRow) => {
    const last = await usage.last(reader, row.id);
    const used = last ? { LastUsedDate: new Date(last.at), Region: last.region } : {};
    return { ...(await showRole(reader, row, true)), RoleLastUsed: used };
  };
  return {
    CreateRole: (input, call) =>
      call.commit(async (tx) => {
        const made = newEntity(call, clock, "role", newId(clock, "role"), { name: input.RoleName, path: input.Path });
        if (made.path.startsWith("/aws-service-role/")) {
          throw fault("ValidationError", "The path /aws-service-role/ is reserved for service-linked roles.", {
            status: 400,
          });
        }
        if (input.PermissionsBoundary) await findAttachable(tx, call.account, input.PermissionsBoundary);
        const row: EntityRow = {
          ...made,
          ...(await checkedTrust(tx, input.AssumeRolePolicyDocument)),
          tags: withTags("{}", input.Tags),
          boundary: input.PermissionsBoundary ?? null,
          description: input.Description ?? null,
          max_session: input.MaxSessionDuration ?? 3600,
        };
        if (!(await insertEntity(tx, row))) throw alreadyExists(`Role with name ${input.RoleName} already exists.`);
        tx.bump(accountScope(call.account));
        return { Role: await showRole(tx, row, true) };
      }),
    GetRole: (input, call) =>
      call.read(async (reader) => ({
        Role: await shown(reader, await findEntity(reader, call.account, "role", input.RoleName)),
      })),
    DeleteRole: (input, call) =>
      call.commit(async (tx) => {
        const row = await findChangeableRole(tx, call.account, input.RoleName);
        await refuseIfInUse(tx, row);
        await deleteRole(tx, row);
        return {};
      }),
    ListRoles: (input, call) =>
      call.read(async (reader) => {
        const { rows, ...page } = await pageOf(
          input,
          (row: EntityRow) => row.name_key,
          (after, limit) => entitiesAfter(reader, call.account, "role", input.PathPrefix ?? "/", after, limit),
        );
        const Roles = [];
        for (const row of rows) Roles.push(await showRole(reader, row, false));
        return { Roles, ...page };
      }),
    ...changeHandlers,
    ...linkedRoleHandlers(parts),
  } satisfies Handlers<typeof sdk>;
}

const changeHandlers = {
  UpdateRole: (input, call) =>
    call.commit(async (tx) => {
      const row = await findChangeableRole(tx, call.account, input.RoleName);
      const { Description: description = row.description, MaxSessionDuration: max_session = row.max_session } = input;
      await saveEntity(tx, { ...row, description, max_session });
      return {};
    }),
  UpdateRoleDescription: (input, call) =>
    call.commit(async (tx) => {
      const row = { ...(await findChangeableRole(tx, call.account, input.RoleName)), description: input.Description };
      await saveEntity(tx, row);
      return { Role: await showRole(tx, row, true) };
    }),
  UpdateAssumeRolePolicy: (input, call) =>
    call.commit(async (tx) => {
      const row = await findChangeableRole(tx, call.account, input.RoleName);
      await saveEntity(tx, { ...row, ...(await checkedTrust(tx, input.PolicyDocument)) });
      return {};
    }),
} satisfies Handlers<typeof sdk>;

function linkedRoleHandlers({ clock }: Parts) {
  return {
    CreateServiceLinkedRole: (input, call) =>
      call.commit(async (tx) => {
        const service = input.AWSServiceName;
        if (!/^[a-z0-9.-]+\.amazonaws\.com$/.test(service)) {
          throw fault("InvalidInput", `${service} is not a valid AWS service name.`, { status: 400 });
        }
        const name = linkedRoleName(service, input.CustomSuffix);
        const made = newEntity(call, clock, "role", newId(clock, "role"), {
          name,
          path: `/aws-service-role/${service}/`,
        });
        const statement = { Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" };
        const row: EntityRow = {
          ...made,
          trust: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
          description: input.Description ?? null,
          max_session: 3600,
        };
        if (!(await insertEntity(tx, row))) {
          const sentence = `Service role name ${name} has been taken in this account, please try a different suffix.`;
          throw fault("InvalidInput", sentence, { status: 400 });
        }
        tx.bump(accountScope(call.account));
        return { Role: await showRole(tx, row, true) };
      }),
    DeleteServiceLinkedRole: (input, call) =>
      call.commit(async (tx) => {
        const row = await findEntity(tx, call.account, "role", input.RoleName);
        if (!row.path.startsWith("/aws-service-role/")) {
          throw fault("InvalidInput", `The role ${row.name} is not a service-linked role.`, { status: 400 });
        }
        await deleteRole(tx, row);
        return { DeletionTaskId: `task${row.path}${row.name}/${clock.uuid()}` };
      }),
    // Deleting is done when DeleteServiceLinkedRole answers, so a task that could be one has succeeded.
    GetServiceLinkedRoleDeletionStatus: async (input) => {
      if (!/^task\/aws-service-role\/[^/]+\/[^/]+\/[0-9a-f-]{36}$/.test(input.DeletionTaskId)) {
        throw noSuchEntity(`The deletion task ${input.DeletionTaskId} cannot be found.`);
      }
      return { Status: "SUCCEEDED" as const };
    },
  } satisfies Handlers<typeof sdk>;
}

async function deleteRole(tx: Transaction, row: EntityRow): Promise<void> {
  await deleteEntity(tx, row.id);
  await deleteUsage(tx, row.id);
  tx.bump(accountScope(row.account));
}

async function checkedTrust(reader: Reader, document: string): Promise<Pick<EntityRow, "trust" | "trust_principals">> {
  if (policySize(document) > TRUST_SIZE_LIMIT) {
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${TRUST_SIZE_LIMIT}`);
  }
  checkedPolicy(document, "trust");
  const ids = await namedIds(reader, document);
  return { trust: document, trust_principals: Object.keys(ids).length === 0 ? null : JSON.stringify(ids) };
}

const LINKED_NAMES: Readonly<Record<string, string | undefined>> = {
  "events.amazonaws.com": "AmazonEventBridge",
  "apidestinations.events.amazonaws.com": "AmazonEventBridgeApiDestinations",
  "cloudtrail.amazonaws.com": "CloudTrail",
  "ssm.amazonaws.com": "AmazonSSM",
  "ecs.amazonaws.com": "ECS",
  "autoscaling.amazonaws.com": "AutoScaling",
};

function linkedRoleName(service: string, suffix: string | undefined): string {
  const words = service.replace(/\.amazonaws\.com$/, "").split(/[.-]/);
  const plain = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return `AWSServiceRoleFor${LINKED_NAMES[service] ?? plain}${suffix === undefined ? "" : `_${suffix}`}`;
}
