/** Users and groups. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import type { Handlers } from "../wire/service.ts";
import { keyScope } from "./accounts.ts";
import { newId, rootArn } from "./names.ts";
import type { EntityKind } from "./names.ts";
import { accountById, keysOf } from "./policy-rows.ts";
import { accountScope, attachedPolicies, deleteEntity, deleteMember, entitiesAfter, entityByName } from "./rows.ts";
import { groupsOf, inlinePolicies, insertEntity, insertMember, usersOf } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { showGroup, showUser } from "./show.ts";
import {
  alreadyExists,
  checkPath,
  deleteConflict,
  findAttachable,
  findEntity,
  limitExceeded,
  newEntity,
  pageOf,
  pageOfList,
  saveEntity,
  userNameOr,
  withTags,
} from "./support.ts";

const GROUPS_PER_USER = 10;

export function userHandlers({ clock }: Parts) {
  return {
    CreateUser: (input, call) =>
      call.commit(async (tx) => {
        const made = newEntity(call, clock, "user", newId(clock, "user"), { name: input.UserName, path: input.Path });
        const boundary = input.PermissionsBoundary ?? null;
        if (boundary) await findAttachable(tx, call.account, boundary);
        const row = { ...made, boundary, tags: withTags("{}", input.Tags) };
        if (!(await insertEntity(tx, row))) throw alreadyExists(`User with name ${input.UserName} already exists.`);
        tx.bump(accountScope(call.account));
        return { User: showUser(row, true) };
      }),
    GetUser: (input, call) =>
      call.read(async (reader) => {
        const { principal, account } = call;
        if (input.UserName === undefined && principal.kind === "root") {
          const created = (await accountById(reader, account))?.created_at ?? 0;
          // AWS leaves the root user's name out, though the shape asks for one; the clients take the account's id.
          const root = {
            Path: "/",
            UserName: account,
            UserId: account,
            Arn: rootArn(account),
            CreateDate: new Date(created),
          };
          return { User: root };
        }
        return { User: showUser(await findEntity(reader, account, "user", userNameOr(input.UserName, call)), true) };
      }),
    UpdateUser: (input, call) =>
      call.commit(async (tx) => {
        const row = await findEntity(tx, call.account, "user", input.UserName);
        await rename(tx, row, input.NewUserName, input.NewPath);
        for (const key of await keysOf(tx, row.account, row.id)) tx.bump(keyScope(key.id));
        return {};
      }),
    DeleteUser: (input, call) =>
      call.commit(async (tx) => {
        const row = await findEntity(tx, call.account, "user", input.UserName);
        await refuseIfInUse(tx, row);
        if ((await groupsOf(tx, row.id)).length > 0) {
          throw deleteConflict("Cannot delete entity, must remove users from group first.");
        }
        if ((await keysOf(tx, row.account, row.id)).length > 0) {
          throw deleteConflict("Cannot delete entity, must delete access keys first.");
        }
        await deleteEntity(tx, row.id);
        tx.bump(accountScope(call.account));
        return {};
      }),
    ListUsers: (input, call) =>
      call.read(async (reader) => {
        const { rows, ...page } = await pageOf(input, keyOf, (after, limit) =>
          entitiesAfter(reader, call.account, "user", input.PathPrefix ?? "/", after, limit),
        );
        return { Users: rows.map((row) => showUser(row, false)), ...page };
      }),
  } satisfies Handlers<typeof sdk>;
}

export function groupHandlers({ clock }: Parts) {
  return {
    CreateGroup: (input, call) =>
      call.commit(async (tx) => {
        const row = newEntity(call, clock, "group", newId(clock, "group"), { name: input.GroupName, path: input.Path });
        if (!(await insertEntity(tx, row))) throw alreadyExists(`Group with name ${input.GroupName} already exists.`);
        return { Group: showGroup(row) };
      }),
    GetGroup: (input, call) =>
      call.read(async (reader) => {
        const group = await findEntity(reader, call.account, "group", input.GroupName);
        const { rows, ...page } = await pageOf(input, keyOf, (after, limit) => usersOf(reader, group.id, after, limit));
        return { Group: showGroup(group), Users: rows.map((row) => showUser(row, false)), ...page };
      }),
    UpdateGroup: (input, call) =>
      call.commit(async (tx) => {
        const row = await findEntity(tx, call.account, "group", input.GroupName);
        await rename(tx, row, input.NewGroupName, input.NewPath);
        return {};
      }),
    DeleteGroup: (input, call) =>
      call.commit(async (tx) => {
        const row = await findEntity(tx, call.account, "group", input.GroupName);
        if ((await usersOf(tx, row.id, "", 1)).length > 0) {
          throw deleteConflict("Cannot delete entity, must remove users from group first.");
        }
        await refuseIfInUse(tx, row);
        await deleteEntity(tx, row.id);
        tx.bump(accountScope(call.account));
        return {};
      }),
    ListGroups: (input, call) =>
      call.read(async (reader) => {
        const { rows, ...page } = await pageOf(input, keyOf, (after, limit) =>
          entitiesAfter(reader, call.account, "group", input.PathPrefix ?? "/", after, limit),
        );
        return { Groups: rows.map(showGroup), ...page };
      }),
    AddUserToGroup: (input, call) =>
      call.commit(async (tx) => {
        const group = await findEntity(tx, call.account, "group", input.GroupName);
        const user = await findEntity(tx, call.account, "user", input.UserName);
        const groups = await groupsOf(tx, user.id);
        if (groups.length >= GROUPS_PER_USER && !groups.some((one) => one.id === group.id)) {
          throw limitExceeded(`Cannot exceed quota for GroupsPerUser: ${GROUPS_PER_USER}`);
        }
        await insertMember(tx, user.id, group.id);
        tx.bump(accountScope(call.account));
        return {};
      }),
    RemoveUserFromGroup: (input, call) =>
      call.commit(async (tx) => {
        const group = await findEntity(tx, call.account, "group", input.GroupName);
        const user = await findEntity(tx, call.account, "user", input.UserName);
        await deleteMember(tx, user.id, group.id);
        tx.bump(accountScope(call.account));
        return {};
      }),
    ListGroupsForUser: (input, call) =>
      call.read(async (reader) => {
        const user = await findEntity(reader, call.account, "user", input.UserName);
        const { rows, ...page } = await pageOfList(input, await groupsOf(reader, user.id), keyOf);
        return { Groups: rows.map(showGroup), ...page };
      }),
  } satisfies Handlers<typeof sdk>;
}

const keyOf = (row: EntityRow): string => row.name_key;

/** Entities with policies cannot be deleted. */
export async function refuseIfInUse(tx: Transaction, row: EntityRow): Promise<void> {
  if ((await attachedPolicies(tx, row.id)).length > 0) {
    throw deleteConflict("Cannot delete entity, must detach all policies first.");
  }
  if ((await inlinePolicies(tx, row.id)).length > 0) {
    throw deleteConflict("Cannot delete entity, must delete policies first.");
  }
}

async function rename(tx: Transaction, row: EntityRow, name = row.name, path = row.path): Promise<void> {
  checkPath(path);
  const taken = await entityByName(tx, row.account, row.kind, name);
  if (taken && taken.id !== row.id) throw alreadyExists(`${TITLES[row.kind]} with name ${name} already exists.`);
  await saveEntity(tx, { ...row, name, name_key: name.toLowerCase(), path });
}
const TITLES: Readonly<Record<EntityKind, string>> = { user: "User", group: "Group", role: "Role" };
