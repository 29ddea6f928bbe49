import type { FaultFacts } from "./http.ts";
import type { Model } from "./model.ts";
import type { Shapes, StructShape } from "./shape.ts";

/** What the model knows of the faults of a service. */
export type FaultShape = {
  /** The name of the error's shape, which JSON protocols send. */
  readonly name: string;
  /** The code of the query protocol, and of clients that once spoke it. */
  readonly queryCode: string;
  readonly status: number;
  readonly side: "client" | "server";
  readonly shape: StructShape;
  /** `message` or `Message`: services differ. */
  readonly messageName: string;
};
/** A fault may be named by its shape or by its code. */
export type FaultTable = { find(code: string): FaultShape | undefined };

export function faultTable(model: Model, shapes: Shapes): FaultTable {
  let byCode: Map<string, FaultShape> | undefined;
  const build = (): Map<string, FaultShape> => {
    const found = new Map<string, FaultShape>();
    for (const name of model.errors) {
      const shape = shapes.struct(name);
      const side = shape.traits.error ?? "client";
      const [queryCode, queryStatus] = shape.traits.awsQueryError ?? [name, undefined];
      const status = queryStatus ?? shape.traits.httpError ?? (side === "client" ? 400 : 500);
      const messageName = shape.members.find((member) => member.name.toLowerCase() === "message")?.name ?? "message";
      const known = { name, queryCode, status, side, shape, messageName };
      found.set(queryCode, known);
      found.set(name, known);
    }
    return found;
  };
  return { find: (code) => (byCode ??= build()).get(code) };
}

/** The faults that every AWS service may answer and no model declares ("Common Error Types"). */
const COMMON: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  ExpiredToken: 403,
  ExpiredTokenException: 403,
  IncompleteSignature: 403,
  InternalError: 500,
  InternalFailure: 500,
  InvalidAccessKeyId: 403,
  InvalidClientTokenId: 403,
  MethodNotAllowed: 405,
  NotImplemented: 501,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
};

export function statusOf(facts: FaultFacts, known: FaultShape | undefined): number {
  return facts.status ?? known?.status ?? COMMON[facts.code] ?? 400;
}

export function sideOf(status: number, known: FaultShape | undefined): "client" | "server" {
  return known?.side ?? (status < 500 ? "client" : "server");
}
