/** Tags of users, roles and managed policies. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Handlers } from "../wire/service.ts";
import { isAwsManaged } from "./managed.ts";
import { findOwnPolicy, findPolicy } from "./policies.ts";
import { updatePolicy } from "./policy-rows.ts";
import { findChangeableRole, findEntity, pageOfList, saveEntity, tagList, withoutTags, withTags } from "./support.ts";

export const tagHandlers = {
  TagUser: (input, call) =>
    call.commit(async (tx) => {
      const row = await findEntity(tx, call.account, "user", input.UserName);
      await saveEntity(tx, { ...row, tags: withTags(row.tags, input.Tags) });
      return {};
    }),
  UntagUser: (input, call) =>
    call.commit(async (tx) => {
      const row = await findEntity(tx, call.account, "user", input.UserName);
      await saveEntity(tx, { ...row, tags: withoutTags(row.tags, input.TagKeys) });
      return {};
    }),
  ListUserTags: (input, call) =>
    call.read(async (reader) => {
      const row = await findEntity(reader, call.account, "user", input.UserName);
      const { rows, ...page } = await pageOfList(input, sortedTags(row), (tag) => tag.Key);
      return { Tags: [...rows], ...page };
    }),
  TagRole: (input, call) =>
    call.commit(async (tx) => {
      const row = await findChangeableRole(tx, call.account, input.RoleName);
      await saveEntity(tx, { ...row, tags: withTags(row.tags, input.Tags) });
      return {};
    }),
  UntagRole: (input, call) =>
    call.commit(async (tx) => {
      const row = await findChangeableRole(tx, call.account, input.RoleName);
      await saveEntity(tx, { ...row, tags: withoutTags(row.tags, input.TagKeys) });
      return {};
    }),
  ListRoleTags: (input, call) =>
    call.read(async (reader) => {
      const row = await findEntity(reader, call.account, "role", input.RoleName);
      const { rows, ...page } = await pageOfList(input, sortedTags(row), (tag) => tag.Key);
      return { Tags: [...rows], ...page };
    }),
  TagPolicy: (input, call) =>
    call.commit(async (tx) => {
      const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
      await updatePolicy(tx, { ...row, tags: withTags(row.tags, input.Tags) });
      return {};
    }),
  UntagPolicy: (input, call) =>
    call.commit(async (tx) => {
      const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
      await updatePolicy(tx, { ...row, tags: withoutTags(row.tags, input.TagKeys) });
      return {};
    }),
  ListPolicyTags: (input, call) =>
    call.read(async (reader) => {
      const tags = isAwsManaged(input.PolicyArn)
        ? "{}"
        : (await findPolicy(reader, call.account, input.PolicyArn)).tags;
      const { rows, ...page } = await pageOfList(input, sortedTags({ tags }), (tag) => tag.Key);
      return { Tags: [...rows], ...page };
    }),
} satisfies Handlers<typeof sdk>;

function sortedTags(row: { readonly tags: string }) {
  return tagList(row.tags).sort((one, other) => (one.Key < other.Key ? -1 : 1));
}
