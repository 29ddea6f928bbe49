/** The condition keys of a call, each worked out only when a policy asks for it. */
import type { Access, CallFacts, Principal } from "../flow.ts";
import type { Context } from "./pattern.ts";

type Value = string | readonly string[] | undefined;

export class FactsContext implements Context {
  readonly #facts: CallFacts;
  readonly #access: Access;
  readonly #tags: Readonly<Record<string, string>>;
  constructor(facts: CallFacts, access: Access, tags: Readonly<Record<string, string>>) {
    this.#facts = facts;
    this.#access = access;
    this.#tags = tags;
  }
  value(key: string): Value {
    const given = own(this.#access.context, key);
    if (given !== undefined) return given;
    const read = own(READERS, key);
    if (read) return read(this.#facts, this.#access);
    if (key.startsWith("aws:principaltag/")) return own(this.#tags, key.slice("aws:principaltag/".length));
    return undefined;
  }
}

/** Keys come from policies, so `constructor` must find nothing. */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record && Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Tags by lower-case key, as condition keys name them. */
export function lowerKeys(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [key.toLowerCase(), value]));
}

type Readers = Readonly<Record<string, ((facts: CallFacts, access: Access) => Value) | undefined>>;
const READERS: Readers = {
  "aws:principalarn": ({ principal }) => principalArn(principal),
  "aws:principalaccount": ({ principal }) =>
    principal.kind === "service" ? undefined : principal.account || undefined,
  "aws:principaltype": ({ principal }) => TYPES[principal.kind],
  "aws:userid": ({ principal }) => ("id" in principal ? principal.id : undefined),
  "aws:username": ({ principal }) => (principal.kind === "user" ? principal.name : undefined),
  "aws:sourceip": ({ source, principal }) => (principal.kind === "service" ? undefined : source.ip),
  "aws:useragent": ({ source }) => source.userAgent,
  "aws:currenttime": ({ at }) => new Date(at).toISOString(),
  "aws:epochtime": ({ at }) => String(Math.floor(at / 1000)),
  "aws:securetransport": ({ source }) => String(source.secure),
  "aws:requestedregion": ({ region }) => region,
  "aws:tokenissuetime": ({ principal }) =>
    principal.kind === "session" ? new Date(principal.createdAt).toISOString() : undefined,
  // Long-term keys carry no such key at all, temporary ones say false: nobody has a second factor here.
  "aws:multifactorauthpresent": ({ principal }) => (isTemporary(principal) ? "false" : undefined),
  "aws:sourcearn": ({ principal }) => (principal.kind === "service" ? principal.sourceArn : undefined),
  "aws:sourceaccount": ({ principal }) =>
    principal.kind === "service" ? (principal.sourceAccount ?? (principal.account || undefined)) : undefined,
  "aws:principalisawsservice": ({ principal }) => String(principal.kind === "service"),
  "aws:principalservicename": ({ principal }) => (principal.kind === "service" ? principal.service : undefined),
  "aws:principalservicenameslist": ({ principal }) => (principal.kind === "service" ? [principal.service] : undefined),
  "aws:viaawsservice": () => "false",
  "aws:resourceaccount": ({ principal }, { owner, resource }) =>
    owner ?? (/^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(resource)?.[1] || principal.account || undefined),
};

const TYPES: Readonly<Record<Principal["kind"], string | undefined>> = {
  root: "Account",
  user: "User",
  session: "AssumedRole",
  anonymous: "Anonymous",
  service: undefined,
};

function isTemporary(principal: Principal): boolean {
  return "accessKeyId" in principal && (principal.kind === "session" || principal.accessKeyId.startsWith("ASIA"));
}

/** Of a session it is the role's ARN. */
function principalArn(principal: Principal): string | undefined {
  if (principal.kind === "session") return principal.roleArn;
  return "arn" in principal ? principal.arn : undefined;
}
