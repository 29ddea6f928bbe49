import { faultMembers, parseJson } from "./awsjson.ts";
import { REST_JSON } from "./dialects.ts";
import { statusOf } from "./errors.ts";
import { fault } from "./fault.ts";
import type { FaultFacts, HttpResponse } from "./http.ts";
import { treeCompiler, type TreeCompiler } from "./json.ts";
import { Malformed } from "./malformed.ts";
import { documentLimit, once, type Protocol, type Service } from "./protocol.ts";
import { queryOf } from "./query.ts";
import { restCodec, type Document } from "./rest.ts";
import { restRouter } from "./router.ts";
import type { Operation } from "./shape.ts";

/** restJson1: method and path name the operation; JSON, or a payload, in the body. */
export function restJson1(service: Service): Protocol {
  const compile = treeCompiler(REST_JSON);
  const document: Document = {
    contentType: "application/json",
    reader(members) {
      const codec = compile.members(members);
      return (bytes) => codec.read(parseJson(bytes), 0) as object;
    },
    writer(_, members) {
      const codec = compile.members(members);
      return (value) => JSON.stringify(codec.write(value));
    },
    payloadReader(member) {
      const codec = compile(member.shape);
      return (bytes) => codec.read(parseJson(bytes), 0);
    },
    payloadWriter(member) {
      const codec = compile(member.shape);
      return (value) => JSON.stringify(codec.write(value));
    },
    refuse: (_, __, problem) => problem,
  };
  const codec = once((operation: Operation) => restCodec(operation, document));
  const route = restRouter(service.shapes.operations.values());
  // Lambda has a fault of its own for bodies that are no JSON; the others say SerializationException.
  const malformed = service.faults.find("InvalidRequestContentException")?.name ?? "SerializationException";
  return {
    match(request) {
      if (request.headers["x-amz-target"] !== undefined) return undefined;
      const query = queryOf(request);
      const found = route(request, request.path, query);
      if (found === undefined) return undefined;
      const { operation, labels } = found;
      return {
        operation,
        async decode() {
          try {
            return await codec(operation).decode(request, labels, query, documentLimit(operation.input));
          } catch (error) {
            throw error instanceof Malformed ? fault(malformed, error.message, { status: 400 }) : error;
          }
        },
        encode(output, requestId) {
          const answer = codec(operation).encode(output);
          answer.headers["x-amzn-requestid"] = requestId;
          return answer;
        },
        fault: (facts, requestId) => faultResponse(service, facts, requestId, compile),
      };
    },
  };
}

function faultResponse(service: Service, facts: FaultFacts, requestId: string, compile: TreeCompiler): HttpResponse {
  const known = service.faults.find(facts.code);
  const name = known?.name ?? facts.code;
  const members = faultMembers(facts, known, compile);
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "x-amzn-requestid": requestId,
    "x-amzn-errortype": name,
  };
  for (const { name: member, traits } of known?.shape.members ?? []) {
    // Lambda tells the sides apart in the body too.
    if (member === "Type") members[member] ??= known?.side === "server" ? "Service" : "User";
    const value = members[member];
    if (traits.httpHeader === undefined || value === undefined) continue;
    headers[traits.httpHeader.toLowerCase()] = typeof value === "string" ? value : JSON.stringify(value);
    delete members[member];
  }
  return { status: statusOf(facts, known), headers: { ...headers, ...facts.headers }, body: JSON.stringify(members) };
}
