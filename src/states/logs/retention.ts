import type { Parts } from "../../flow.ts";
import type { PureWorker } from "../../relay/relay.ts";
import { deleteLogEvent, nextGroup, oldLogEvents, type LogGroup } from "./rows.ts";

/** As long as closed executions are kept. */
const RETENTION_MS = 90 * 86_400_000;
const TRIM_EVERY_MS = 3_600_000;
const TRIM_AT_ONCE = 500;
const FIRST: LogGroup = { account: "", region: "", name: "" };

/** Works `states.trimLogs`: removes what is older than the retention, one group after the other, then rests. */
export function trimLogsWorker({ clock }: Parts): PureWorker {
  return async (transaction, work) => {
    const { after } = work.body as { after: LogGroup };
    const now = clock.now();
    const group = await nextGroup(transaction, after);
    if (group === undefined) return { kind: "again", dueAt: now + TRIM_EVERY_MS, body: { after: FIRST } };
    const old = await oldLogEvents(transaction, group, now - RETENTION_MS, TRIM_AT_ONCE);
    for (const event of old) await deleteLogEvent(transaction, group, event);
    return { kind: "again", dueAt: now, body: { after: old.length === TRIM_AT_ONCE ? after : group } };
  };
}

/** Begins the trimming afresh: exactly one piece of this work exists, whatever was there before. */
export function startTrimmingLogs({ relay, clock }: Parts): Promise<void> {
  return relay.transact(async (transaction) => {
    await relay.cancel(transaction, "states.trimLogs", "retention");
    const dueAt = clock.now() + TRIM_EVERY_MS;
    const work = { kind: "states.trimLogs", key: "retention", trace: "", body: { after: FIRST }, dueAt };
    await relay.append(transaction, work);
  });
}
