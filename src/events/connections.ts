/** Connections: how requests to a web server are authorised. HTTP tasks use them; their secrets are told to nobody else. */
import type * as sdk from "@aws-sdk/client-eventbridge";
import { LETTERS_AND_DIGITS } from "../clock/clock.ts";
import type { CallFacts, ConnectionSecrets, Parts } from "../flow.ts";
import { fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { notImplemented, validation, type Events } from "./common.ts";
import {
  connectionByName,
  connectionsAfter,
  deleteConnectionRow,
  putConnection,
  type ConnectionRow,
} from "./connectionRows.ts";

type Named = Pick<ConnectionRow, "account" | "region" | "name">;
type Parameter = { readonly Key?: string; readonly Value?: string; readonly IsValueSecret?: boolean };
/** The AuthParameters that are kept. */
type Auth = {
  readonly BasicAuthParameters?: { readonly Username?: string; readonly Password?: string };
  readonly ApiKeyAuthParameters?: { readonly ApiKeyName?: string; readonly ApiKeyValue?: string };
  readonly InvocationHttpParameters?: {
    readonly HeaderParameters?: readonly Parameter[];
    readonly QueryStringParameters?: readonly Parameter[];
    readonly BodyParameters?: readonly Parameter[];
  };
};
const PAGE = 100;

export function connectionHandlers(events: Events) {
  return {
    CreateConnection: createConnection(events),
    UpdateConnection: updateConnection(events),
    DescribeConnection: describeConnection,
    ListConnections: listConnections,
    DeauthorizeConnection: deauthorizeConnection(events),
    DeleteConnection: deleteConnection,
  } satisfies Handlers<typeof sdk>;
}

type Handle<Operation extends keyof Handlers<typeof sdk>> = NonNullable<Handlers<typeof sdk>[Operation]>;

function createConnection({ parts: { clock } }: Events): Handle<"CreateConnection"> {
  return async (input, call) => {
    const place = placeOf(input.Name, call);
    const auth = checked(input.AuthorizationType, input.AuthParameters);
    if (input.InvocationConnectivityParameters !== undefined)
      throw notImplemented("private connections (InvocationConnectivityParameters)");
    if (input.KmsKeyIdentifier !== undefined) throw notImplemented("customer managed keys (KmsKeyIdentifier)");
    const now = clock.now();
    const id = clock.uuid();
    const row: ConnectionRow = {
      ...place,
      arn: `arn:aws:events:${place.region}:${place.account}:connection/${place.name}/${id}`,
      description: input.Description ?? null,
      state: "AUTHORIZED",
      type: auth.BasicAuthParameters ? "BASIC" : "API_KEY",
      secret_arn: `arn:aws:secretsmanager:${place.region}:${place.account}:secret:events!connection/${place.name}/${id}-${clock.text(6, LETTERS_AND_DIGITS)}`,
      secrets: JSON.stringify(auth),
      created_at: now,
      modified_at: now,
      authorized_at: now,
    };
    return call.commit(async (transaction) => {
      if (await connectionByName(transaction, place))
        throw fault("ResourceAlreadyExistsException", `Connection ${place.name} already exists.`, { status: 400 });
      await putConnection(transaction, row);
      const { LastAuthorizedTime: _, ...answer } = shortView(row);
      return answer;
    });
  };
}

function updateConnection({ parts: { clock } }: Events): Handle<"UpdateConnection"> {
  return async (input, call) => {
    const place = placeOf(input.Name, call);
    if (input.InvocationConnectivityParameters !== undefined)
      throw notImplemented("private connections (InvocationConnectivityParameters)");
    if (input.KmsKeyIdentifier !== undefined) throw notImplemented("customer managed keys (KmsKeyIdentifier)");
    const now = clock.now();
    return call.commit(async (transaction) => {
      const row = (await connectionByName(transaction, place)) ?? noSuchConnection(place.name);
      const type = input.AuthorizationType ?? row.type;
      const known = row.secrets === null ? {} : (JSON.parse(row.secrets) as Auth);
      const auth = checked(type, merged(type, known, input.AuthParameters));
      const changed: ConnectionRow = {
        ...row,
        description: input.Description ?? row.description,
        state: "AUTHORIZED",
        type: auth.BasicAuthParameters ? "BASIC" : "API_KEY",
        secrets: JSON.stringify(auth),
        modified_at: now,
        authorized_at: now,
      };
      await putConnection(transaction, changed);
      return shortView(changed);
    });
  };
}

const describeConnection: Handle<"DescribeConnection"> = async (input, call) => {
  const place = placeOf(input.Name, call);
  const row = (await call.read((reader) => connectionByName(reader, place))) ?? noSuchConnection(place.name);
  return {
    ...shortView(row),
    Name: row.name,
    AuthorizationType: row.type,
    SecretArn: row.secret_arn,
    ...(row.description !== null && { Description: row.description }),
    ...(row.secrets !== null && { AuthParameters: masked(JSON.parse(row.secrets) as Auth) }),
  };
};

const listConnections: Handle<"ListConnections"> = async (input, call) => {
  const { NamePrefix: prefix = "", ConnectionState: state, NextToken, Limit: limit = PAGE } = input;
  const after = NextToken === undefined ? "" : Buffer.from(NextToken, "base64url").toString();
  const rows = await call.read((reader) => connectionsAfter(reader, placeOf(after, call), 1_000));
  const found = rows.filter((row) => row.name.startsWith(prefix) && (state === undefined || row.state === state));
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : rows.length === 1_000 ? rows.at(-1) : undefined;
  return {
    Connections: page.map((row) => ({ ...shortView(row), Name: row.name, AuthorizationType: row.type })),
    ...(last && { NextToken: Buffer.from(last.name).toString("base64url") }),
  };
};

function deauthorizeConnection({ parts: { clock } }: Events): Handle<"DeauthorizeConnection"> {
  return async (input, call) => {
    const place = placeOf(input.Name, call);
    const now = clock.now();
    return call.commit(async (transaction) => {
      const row = (await connectionByName(transaction, place)) ?? noSuchConnection(place.name);
      const changed: ConnectionRow = { ...row, state: "DEAUTHORIZED", secrets: null, modified_at: now };
      await putConnection(transaction, changed);
      return shortView(changed);
    });
  };
}

const deleteConnection: Handle<"DeleteConnection"> = async (input, call) => {
  const place = placeOf(input.Name, call);
  return call.commit(async (transaction) => {
    const row = (await connectionByName(transaction, place)) ?? noSuchConnection(place.name);
    await deleteConnectionRow(transaction, place);
    return { ...shortView(row), ConnectionState: "DELETING" as const };
  });
};

/** Reads a connection's secrets for the one who makes the request; undefined if there is none of this ARN. */
export function connectionReader({
  store,
}: Pick<Parts, "store">): (arn: string) => Promise<ConnectionSecrets | undefined> {
  return async (arn) => {
    const [, , , region = "", account = "", path = ""] = arn.split(":");
    const name = path.split("/")[1] ?? "";
    const row = await store.read((reader) => connectionByName(reader, { account, region, name }));
    if (row === undefined || row.arn !== arn) return undefined;
    const auth = row.secrets === null ? undefined : (JSON.parse(row.secrets) as Auth);
    return { secretArn: row.secret_arn, ...(auth && { authorization: authorizationOf(auth) }) };
  };
}

function authorizationOf(auth: Auth): NonNullable<ConnectionSecrets["authorization"]> {
  const { BasicAuthParameters: basic, ApiKeyAuthParameters: key, InvocationHttpParameters: http } = auth;
  const token = Buffer.from(`${basic?.Username ?? ""}:${basic?.Password ?? ""}`).toString("base64");
  const headers: (readonly [string, string])[] = [];
  if (basic) headers.push(["Authorization", `Basic ${token}`]);
  if (key) headers.push([key.ApiKeyName ?? "", key.ApiKeyValue ?? ""]);
  return {
    headers: [...headers, ...pairs(http?.HeaderParameters)],
    query: pairs(http?.QueryStringParameters),
    body: pairs(http?.BodyParameters),
  };
}

function pairs(parameters: readonly Parameter[] = []): (readonly [string, string])[] {
  return parameters.map(({ Key = "", Value = "" }) => [Key, Value] as const);
}

function placeOf(name: string, { account, region }: CallFacts): Named {
  return { account, region, name };
}

/** The parameters that belong to the type, complete. */
function checked(type: string, given: unknown): Auth {
  const auth = (given ?? {}) as Auth & {
    readonly OAuthParameters?: unknown;
    readonly ConnectivityParameters?: unknown;
  };
  if (type === "OAUTH_CLIENT_CREDENTIALS" || auth.OAuthParameters !== undefined)
    throw notImplemented("connections of the type OAUTH_CLIENT_CREDENTIALS");
  if (auth.ConnectivityParameters !== undefined) throw notImplemented("private connections (ConnectivityParameters)");
  const [own, other] =
    type === "BASIC"
      ? (["BasicAuthParameters", "ApiKeyAuthParameters"] as const)
      : (["ApiKeyAuthParameters", "BasicAuthParameters"] as const);
  if (auth[own] === undefined || auth[other] !== undefined)
    throw validation(`Parameter(s) AuthParameters must have ${own}, and no other, for the AuthorizationType ${type}.`);
  return auth;
}

/** What an update leaves out stays, unless the type changes. */
function merged(type: string, known: Auth, given: unknown): unknown {
  const news = (given ?? {}) as Auth;
  const http = { ...known.InvocationHttpParameters, ...news.InvocationHttpParameters };
  const kept =
    type === "BASIC"
      ? { BasicAuthParameters: { ...known.BasicAuthParameters, ...news.BasicAuthParameters } }
      : { ApiKeyAuthParameters: { ...known.ApiKeyAuthParameters, ...news.ApiKeyAuthParameters } };
  return { ...kept, ...news, ...kept, ...(Object.keys(http).length > 0 && { InvocationHttpParameters: http }) };
}

/** What everybody may see: names, and values that nobody called secret. */
function masked({ BasicAuthParameters: basic, ApiKeyAuthParameters: key, InvocationHttpParameters: http }: Auth) {
  const shown = (parameters: readonly Parameter[] | undefined) =>
    parameters?.map(({ Value, ...others }) =>
      others.IsValueSecret === true || Value === undefined ? others : { ...others, Value },
    );
  const lists = Object.entries(http ?? {}).map(([name, parameters]) => [name, shown(parameters)]);
  return {
    ...(basic?.Username !== undefined && { BasicAuthParameters: { Username: basic.Username } }),
    ...(key?.ApiKeyName !== undefined && { ApiKeyAuthParameters: { ApiKeyName: key.ApiKeyName } }),
    ...(lists.length > 0 && { InvocationHttpParameters: Object.fromEntries(lists) as object }),
  };
}

function shortView(row: ConnectionRow) {
  return {
    ConnectionArn: row.arn,
    ConnectionState: row.state,
    CreationTime: new Date(row.created_at),
    LastModifiedTime: new Date(row.modified_at),
    LastAuthorizedTime: new Date(row.authorized_at),
  };
}

function noSuchConnection(name: string): never {
  throw fault("ResourceNotFoundException", `Connection '${name}' does not exist.`, { status: 400 });
}
