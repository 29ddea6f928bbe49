import { readFileSync } from "node:fs";

/** model/<name>.json as scripts/model.ts writes it. A reference is a scalar's number, a shape's name, or `[reference, traits]`. */
export type Reference = number | string | readonly [Reference, RawTraits];
export type RawTraits = number | Traits;
export type Traits = Readonly<{
  httpLabel?: 1;
  httpQuery?: string;
  httpQueryParams?: 1;
  httpHeader?: string;
  httpPrefixHeaders?: string;
  httpPayload?: 1;
  httpResponseCode?: 1;
  http?: readonly [method: string, uri: string, status: number];
  xmlName?: string;
  xmlFlattened?: 1;
  xmlAttribute?: 1;
  xmlNamespace?: readonly [prefix: string, uri: string];
  streaming?: 1;
  sensitive?: 1;
  idempotent?: 1;
  idempotencyToken?: 1;
  sparse?: 1;
  mediaType?: string;
  jsonName?: string;
  eventPayload?: 1;
  error?: "client" | "server";
  httpError?: number;
  awsQueryError?: readonly [code: string, status: number];
}>;
/** `n` least, `x` most (of a length or a value), `p` pattern, `q` what is matched in its place, `e` enum; `i` of a list's items, `k` and `v` of a map's entries. */
export type Constraint = Readonly<{
  n?: number;
  x?: number;
  p?: string;
  q?: string;
  e?: readonly string[];
  i?: Constraint;
  k?: Constraint;
  v?: Constraint;
}>;
export type StructRow = readonly [
  kind: 3 | 4 | -3,
  traits: RawTraits,
  names: readonly string[],
  members: readonly Reference[],
  required: number,
  constraints?: Readonly<Record<string, number>>,
];
type ListRow = readonly [kind: 1, traits: RawTraits, item: Reference];
type MapRow = readonly [kind: 2, traits: RawTraits, key: Reference, value: Reference];
type SimpleRow = readonly [kind: 0, traits: RawTraits, base: Reference];
export type Row = StructRow | ListRow | MapRow | SimpleRow;

export type ServiceFacts = Readonly<{
  name: string;
  serviceId: string;
  version: string;
  signingName: string;
  namespace: string;
  /** The part of X-Amz-Target before the operation's name, which rpcv2Cbor uses as the service's name. */
  target: string;
  xmlNamespace: string;
  /** The client's own protocol first. */
  protocols: readonly ("awsJson1_0" | "awsJson1_1" | "awsQuery" | "restJson1" | "restXml" | "rpcv2Cbor")[];
  queryCompatible: boolean;
}>;
export type Model = Readonly<{
  service: ServiceFacts;
  operations: Readonly<Record<string, readonly [RawTraits, Reference, Reference, errors: readonly string[]]>>;
  errors: readonly string[];
  constraints: readonly Constraint[];
  shapes: Readonly<Record<string, Row>>;
}>;

export function loadModel(name: string): Model {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`${name} is not the name of a model`);
  return JSON.parse(readFileSync(new URL(`../../model/${name}.json`, import.meta.url), "utf8")) as Model;
}
