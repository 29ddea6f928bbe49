import { fault } from "../wire/fault.ts";
import { validation } from "./common.ts";

type Statement = Readonly<Record<string, unknown>>;
type Document = { readonly Version: string; readonly Statement: readonly Statement[] };
const LENGTH_LIMIT = 10_240;

type Grant = {
  readonly Policy?: string | undefined;
  readonly Action?: string | undefined;
  readonly Principal?: string | undefined;
  readonly StatementId?: string | undefined;
  readonly Condition?: { readonly Type: string; readonly Key: string; readonly Value: string } | undefined;
};

/** A bus's policy after PutPermission: a whole new one, or one statement more (or replaced, by its id). */
export function grant(before: string | null, busArn: string, input: Grant): string {
  if (input.Policy !== undefined) return checked(input.Policy);
  const { Action, Principal, StatementId, Condition } = input;
  if (Action === undefined || Principal === undefined || StatementId === undefined)
    throw validation("Parameters Action, Principal and StatementId must be specified when Policy is not.");
  if (Action !== "events:PutEvents") throw validation("Provided value in parameter 'action' is not supported.");
  const statement: Statement = {
    Sid: StatementId,
    Effect: "Allow",
    Principal: Principal === "*" ? "*" : { AWS: `arn:aws:iam::${Principal}:root` },
    Action,
    Resource: busArn,
    ...(Condition ? { Condition: { [Condition.Type]: { [Condition.Key]: Condition.Value } } } : {}),
  };
  const others = documentOf(before).Statement.filter(({ Sid }) => Sid !== StatementId);
  return checked(JSON.stringify({ Version: "2012-10-17", Statement: [...others, statement] }));
}

/** A bus's policy after RemovePermission; null when nothing is left of it. */
export function revoke(before: string | null, statementId: string | undefined): string | null {
  if (statementId === undefined)
    throw validation("Parameter StatementId is required when RemoveAllPermissions is not set.");
  const document = documentOf(before);
  const left = document.Statement.filter(({ Sid }) => Sid !== statementId);
  if (before === null) throw fault("ResourceNotFoundException", "EventBus does not have a policy.", { status: 400 });
  if (left.length === document.Statement.length)
    throw fault("ResourceNotFoundException", "Statement with the provided id does not exist.", { status: 400 });
  return left.length === 0 ? null : JSON.stringify({ ...document, Statement: left });
}

function documentOf(policy: string | null): Document {
  if (policy === null) return { Version: "2012-10-17", Statement: [] };
  const { Version, Statement } = JSON.parse(policy) as {
    Version?: string;
    Statement: Statement | readonly Statement[];
  };
  return { Version: Version ?? "2012-10-17", Statement: [Statement].flat() };
}

function checked(policy: string): string {
  if (Buffer.byteLength(policy) > LENGTH_LIMIT)
    throw fault("PolicyLengthExceededException", "The event bus policy is too long.", { status: 400 });
  let document: unknown;
  try {
    document = JSON.parse(policy);
  } catch {
    document = undefined;
  }
  const statements =
    typeof document === "object" && document !== null && "Statement" in document ? [document.Statement].flat() : [];
  const good = statements.every(
    (one) => typeof one === "object" && one !== null && "Effect" in one && "Principal" in one,
  );
  if (statements.length === 0 || !good) throw validation("Event bus policy is not a valid policy document.");
  return policy;
}
