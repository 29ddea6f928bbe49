import { AWS_JSON, CBOR } from "./dialects.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { sideOf, statusOf, type FaultShape } from "./errors.ts";
import type { FaultFacts } from "./http.ts";
import { treeCompiler, type TreeCompiler } from "./json.ts";
import { Malformed, textOf } from "./malformed.ts";
import { documentLimit, refusing, type Protocol, type Service } from "./protocol.ts";

/** awsJson 1.0 and 1.1: `POST /`, the operation in X-Amz-Target. Both versions are answered as they were asked. */
export function awsJson(service: Service, version: "1.0" | "1.1"): Protocol {
  const compile = treeCompiler(AWS_JSON);
  const { operations } = service.shapes;
  const { target: own } = service.facts;
  return {
    match(request) {
      const target = request.headers["x-amz-target"];
      if (target === undefined || request.method !== "POST") return undefined;
      const cut = target.lastIndexOf(".");
      const prefix = target.slice(0, cut);
      // CloudTrail's older clients send `com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.<Operation>`.
      if (prefix !== own && !prefix.endsWith(`.${own}`)) return undefined;
      const operation = operations.get(target.slice(cut + 1));
      if (operation === undefined) return undefined;
      const asked = /^application\/x-amz-json-(1\.[01])/.exec(request.headers["content-type"] ?? "")?.[1];
      const contentType = `application/x-amz-json-${asked ?? version}`;
      return {
        operation,
        async decode() {
          const bytes = await request.body.bytes(documentLimit(operation.input));
          return refusing("SerializationException", 400, () => compile(operation.input).read(parseJson(bytes), 0));
        },
        encode: (output, requestId) => ({
          status: 200,
          headers: { "content-type": contentType, "x-amzn-requestid": requestId },
          body: operation.unit ? "" : JSON.stringify(compile(operation.output).write(output ?? {})),
        }),
        fault(facts, requestId) {
          const known = service.faults.find(facts.code);
          const status = statusOf(facts, known);
          const name = known?.name ?? facts.code;
          return {
            status,
            headers: {
              "content-type": contentType,
              "x-amzn-requestid": requestId,
              "x-amzn-errortype": name,
              ...queryError(service, facts, known, status),
              ...facts.headers,
            },
            body: JSON.stringify({ __type: name, ...faultMembers(facts, known, compile) }),
          };
        },
      };
    },
  };
}

/** rpcv2Cbor: `POST /service/<Service>/operation/<Operation>`. */
export function rpcv2Cbor(service: Service): Protocol {
  const compile = treeCompiler(CBOR);
  const { operations } = service.shapes;
  const prefix = `/service/${service.facts.target}/operation/`;
  const headersOf = (requestId: string): Record<string, string> => ({
    "content-type": "application/cbor",
    "smithy-protocol": "rpc-v2-cbor",
    "x-amzn-requestid": requestId,
  });
  return {
    match(request) {
      if (request.headers["smithy-protocol"] !== "rpc-v2-cbor" || request.method !== "POST") return undefined;
      const operation = request.path.startsWith(prefix) ? operations.get(request.path.slice(prefix.length)) : undefined;
      if (operation === undefined) return undefined;
      return {
        operation,
        async decode() {
          const bytes = await request.body.bytes(documentLimit(operation.input));
          if (bytes.length === 0) return {};
          return refusing("SerializationException", 400, () => compile(operation.input).read(decodeCbor(bytes), 0));
        },
        encode: (output, requestId) => ({
          status: 200,
          headers: headersOf(requestId),
          body: operation.unit ? "" : encodeCbor(compile(operation.output).write(output ?? {})),
        }),
        fault(facts, requestId) {
          const known = service.faults.find(facts.code);
          const status = statusOf(facts, known);
          return {
            status,
            headers: { ...headersOf(requestId), ...queryError(service, facts, known, status), ...facts.headers },
            body: encodeCbor({ __type: known?.name ?? facts.code, ...faultMembers(facts, known, compile) }),
          };
        },
      };
    },
  };
}

/** A megabyte of brackets keeps a JSON parser busy for 200 ms, in which nobody else is served. */
const SHALLOW_LENGTH = 64 * 1024;
const DEPTH_LIMIT = 1000;
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

function isDeeperThan(limit: number, bytes: Buffer): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return false;
}

export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  const text = textOf(bytes);
  if (text.length > SHALLOW_LENGTH && isDeeperThan(DEPTH_LIMIT, bytes))
    throw new Malformed(`The request body is nested more than ${DEPTH_LIMIT} deep`);
  try {
    return JSON.parse(text);
  } catch {
    throw new Malformed("The request body could not be parsed as JSON");
  }
}

/** The fault's message, and those of its details that its shape knows, in the shape's form; the others as they are. */
export function faultMembers(
  facts: FaultFacts,
  known: FaultShape | undefined,
  compile: TreeCompiler,
): Record<string, unknown> {
  const members =
    known === undefined ? {} : (compile(known.shape).write(facts.detail ?? {}) as Record<string, unknown>);
  const name = known?.messageName ?? "message";
  return { ...(known === undefined ? facts.detail : {}), ...members, [name]: facts.message };
}

/** Clients of a service that once spoke the query protocol learn the old code from this header. */
function queryError(
  service: Service,
  facts: FaultFacts,
  known: FaultShape | undefined,
  status: number,
): Record<string, string> {
  if (!service.facts.queryCompatible) return {};
  const side = sideOf(status, known) === "client" ? "Sender" : "Receiver";
  return { "x-amzn-query-error": `${known?.queryCode ?? facts.code};${side}` };
}
