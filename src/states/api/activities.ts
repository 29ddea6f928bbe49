import { fault } from "../../wire/fault.ts";
import type { Start } from "../activities.ts";
import { activityArn, checkName } from "../arns.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { activitiesAfter, activityByArn, countActivities, deleteActivity, insertActivity } from "../rows/activities.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { missingActivity, ownActivity } from "./own.ts";
import { checkSettings, encryptionOf } from "./settings.ts";
import { mergedTags } from "./tags.ts";

const MOST_ACTIVITIES = 10_000;

export function activityHandlers(own: StatesParts): StatesHandlers {
  return {
    CreateActivity: createActivity(own),
    DescribeActivity: describeActivity(),
    ListActivities: listActivities(),
    DeleteActivity: deleteActivityHandler(),
    GetActivityTask: getActivityTask(own),
  };
}

/** AWS: "CreateActivity is an idempotent API. Subsequent requests won't create a duplicate resource if it was already created." */
function createActivity({ parts }: StatesParts): Handle<"CreateActivity"> {
  return async (input, call) => {
    const { name } = input;
    checkName(name);
    checkSettings({ encryptionConfiguration: input.encryptionConfiguration });
    const { account, region } = call;
    const arn = activityArn({ account, region, name });
    const tags = JSON.stringify(mergedTags([], input.tags ?? []));
    const encryption = input.encryptionConfiguration ? JSON.stringify(input.encryptionConfiguration) : null;
    const created_at = parts.clock.now();
    return call.commit(async (transaction) => {
      const existing = await activityByArn(transaction, arn);
      if (existing) {
        if (encryptionOf(existing.encryption).type !== encryptionOf(encryption).type)
          throw fault("ActivityAlreadyExists", `Activity Already Exists: '${arn}'`);
        return { activityArn: arn, creationDate: new Date(existing.created_at) };
      }
      if ((await countActivities(transaction, account, region, MOST_ACTIVITIES)) >= MOST_ACTIVITIES)
        throw fault("ActivityLimitExceeded", `The maximum number of activities has been reached: ${MOST_ACTIVITIES}`);
      await insertActivity(transaction, { arn, account, region, name, created_at, encryption, tags });
      return { activityArn: arn, creationDate: new Date(created_at) };
    });
  };
}

function describeActivity(): Handle<"DescribeActivity"> {
  return async (input, call) => {
    const arn = ownActivity(input.activityArn, call);
    const row = (await call.read((reader) => activityByArn(reader, arn))) ?? missingActivity(arn);
    return {
      activityArn: arn,
      name: row.name,
      creationDate: new Date(row.created_at),
      encryptionConfiguration: encryptionOf(row.encryption),
    };
  };
}

function listActivities(): Handle<"ListActivities"> {
  return async (input, call) => {
    const limit = pageSize(input.maxResults);
    const [after = ""] = positionOf("activities", input.nextToken, call.at) ?? [];
    const rows = await call.read((reader) =>
      activitiesAfter(reader, call.account, call.region, String(after), limit + 1),
    );
    const { page, next } = cutPage(rows, limit, "activities", call.at, (row) => row.name);
    return {
      activities: page.map((row) => ({
        activityArn: row.arn,
        name: row.name,
        creationDate: new Date(row.created_at),
      })),
      ...next,
    };
  };
}

/** Deleting what is not there is no error on AWS. Tasks that wait stay until their executions end, or another activity of that name takes them. */
function deleteActivityHandler(): Handle<"DeleteActivity"> {
  return async (input, call) => {
    const arn = ownActivity(input.activityArn, call);
    return call.commit(async (transaction) => {
      await deleteActivity(transaction, arn);
      return {};
    });
  };
}

/** Waits up to a minute for a task. It is taken, and its execution told, in a transaction of its own. */
function getActivityTask({ activities, executions }: StatesParts): Handle<"GetActivityTask"> {
  const start: Start = (transaction, { machine, name, token }, workerName) =>
    executions.signal(
      transaction,
      { machine, name },
      { kind: "taskStarted", token, ...(workerName !== undefined && { workerName }) },
    );
  return async (input, call) => {
    const arn = ownActivity(input.activityArn, call);
    if ((await call.read((reader) => activityByArn(reader, arn))) === undefined) missingActivity(arn);
    const taken = await activities.poll(arn, input.workerName, start);
    return taken === undefined ? {} : { taskToken: taken.token, input: taken.input };
  };
}
