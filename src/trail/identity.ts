import { isoSeconds, type Principal } from "../flow.ts";

/** `userIdentity` of a record, by kind of principal. `recipient` is the account that reads the record. Pure. */
export function identityOf(principal: Principal, recipient: string): Readonly<Record<string, unknown>> {
  if (principal.kind === "service") return { type: "AWSService", invokedBy: principal.service };
  if (principal.kind === "anonymous") return { type: "AWSAccount", principalId: "", accountId: "ANONYMOUS_PRINCIPAL" };
  // "If the call was made by another account, the resource owner sees only its principal ID and account ID."
  if (principal.account !== recipient)
    return { type: "AWSAccount", principalId: principal.id, accountId: principal.account };
  if (principal.kind === "session") return sessionIdentity(principal);
  const identity: Record<string, unknown> = {
    type: principal.kind === "root" ? "Root" : "IAMUser",
    principalId: principal.id,
    arn: principal.arn,
    accountId: principal.account,
    accessKeyId: principal.accessKeyId,
  };
  if (principal.kind === "user") identity["userName"] = principal.name;
  return identity;
}

function sessionIdentity(session: Extract<Principal, { kind: "session" }>): Readonly<Record<string, unknown>> {
  const colon = session.id.indexOf(":");
  const identity: Record<string, unknown> = {
    type: "AssumedRole",
    principalId: session.id,
    arn: session.arn,
    accountId: session.account,
  };
  if (session.accessKeyId !== "") identity["accessKeyId"] = session.accessKeyId;
  identity["sessionContext"] = {
    sessionIssuer: {
      type: "Role",
      principalId: colon < 0 ? session.id : session.id.slice(0, colon),
      arn: session.roleArn,
      accountId: session.account,
      userName: session.roleName,
    },
    attributes: { creationDate: isoSeconds(session.createdAt), mfaAuthenticated: "false" },
  };
  if (session.invokedBy !== undefined) identity["invokedBy"] = session.invokedBy;
  return identity;
}

/** The service that makes the call, when one does: records then name it in place of an address and of a program. */
export function invokingService(principal: Principal): string | undefined {
  if (principal.kind === "service") return principal.service;
  return principal.kind === "session" ? principal.invokedBy : undefined;
}

/** What LookupEvents calls the `Username`: the user, the session's name, or the service. */
export function userNameOf(principal: Principal): string {
  switch (principal.kind) {
    case "root":
      return "root";
    case "user":
      return principal.name;
    case "session":
      return principal.sessionName;
    case "service":
      return principal.service.replace(/\.amazonaws\.com$/, "");
    case "anonymous":
      return "";
  }
}
