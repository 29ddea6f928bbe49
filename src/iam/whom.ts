/** The Principal element of resource policies: whom a statement is about, and how firmly it names them. */
import type { Principal } from "../flow.ts";

/**
 * How a statement names the caller. `account` only delegates: identity policies must allow too. `role` stands by
 * itself but for a boundary and a session policy. `caller` (a user's or a session's ARN, a service) is final.
 */
export type Naming = 0 | 1 | 2 | 3;
export const NOT_NAMED = 0;
const BY_ACCOUNT = 1;
export const BY_ROLE = 2;
export const BY_CALLER = 3;

export type Whom = (principal: Principal) => Naming;

/** Compiles `"*"`, `{"AWS": …}`, `{"Service": …}`; values of other kinds match nobody. */
export function compileWhom(element: string | Readonly<Record<string, readonly string[]>>): Whom {
  const everyone = element === "*" || (typeof element === "object" && (element["AWS"]?.includes("*") ?? false));
  const accounts = new Set<string>();
  const names = new Set<string>();
  for (const text of typeof element === "object" ? (element["AWS"] ?? []) : []) {
    const account = accountNamed(text);
    if (account) accounts.add(account);
    else names.add(text);
  }
  const services = new Set(typeof element === "object" ? (element["Service"] ?? []).map(globalService) : []);
  return (principal) => {
    const naming = namedAs(principal, accounts, names, services);
    if (naming === BY_CALLER || !everyone) return naming;
    return principal.kind === "session" ? BY_ROLE : BY_CALLER;
  };
}

function namedAs(
  principal: Principal,
  accounts: ReadonlySet<string>,
  names: ReadonlySet<string>,
  services: ReadonlySet<string>,
): Naming {
  switch (principal.kind) {
    case "root":
      return accounts.has(principal.account) ? BY_CALLER : NOT_NAMED;
    case "user":
      if (names.has(principal.arn) || names.has(principal.id)) return BY_CALLER;
      break;
    case "session":
      if (names.has(principal.arn)) return BY_CALLER;
      if (names.has(principal.roleArn) || names.has(roleIdOf(principal.id))) return BY_ROLE;
      break;
    case "service":
      return services.has(principal.service) ? BY_CALLER : NOT_NAMED;
    case "anonymous":
      return NOT_NAMED;
  }
  return accounts.has(principal.account) ? BY_ACCOUNT : NOT_NAMED;
}

/** `AROA…` of `AROA…:session`. */
export function roleIdOf(sessionId: string): string {
  const colon = sessionId.indexOf(":");
  return colon < 0 ? sessionId : sessionId.slice(0, colon);
}

/** `123456789012` and `arn:aws:iam::123456789012:root` are the same. */
function accountNamed(text: string): string | undefined {
  if (/^\d{12}$/.test(text)) return text;
  return /^arn:aws:iam::(\d{12}):root$/.exec(text)?.[1];
}

/** Regional names of a service (`states.eu-west-1.amazonaws.com`) mean the service everywhere. */
function globalService(name: string): string {
  return name.replace(/^([a-z0-9-]+)\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com$/, "$1.amazonaws.com");
}
