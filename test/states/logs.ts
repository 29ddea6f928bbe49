import type { Stepwell } from "../support/stepwell.ts";

/** An entry of an execution's log. */
export type Logged = {
  readonly id: string;
  readonly type: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly previous_event_id: string;
  readonly event_timestamp: string;
  readonly execution_arn: string;
  readonly redrive_count: string;
};

/** The ARN of a log group as a LoggingConfiguration wants it. */
export function groupArn(stepwell: Stepwell, name: string): string {
  return `arn:aws:logs:${stepwell.region}:${stepwell.account}:log-group:/aws/vendedlogs/states/${name}:*`;
}

/** What was logged to a group, in order. */
export async function logged(stepwell: Stepwell, name: string): Promise<Logged[]> {
  const rows = await stepwell.node.parts.store.read((reader) =>
    reader.all<{ message: string }>(
      "select message from logs_event where account = $1 and region = $2 and group_name = $3 order by timestamp, serial",
      [stepwell.account, stepwell.region, `/aws/vendedlogs/states/${name}`],
    ),
  );
  return rows.map(({ message }) => JSON.parse(message) as Logged);
}
