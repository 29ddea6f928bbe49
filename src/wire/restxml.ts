import { statusOf } from "./errors.ts";
import { fault, type AwsFault } from "./fault.ts";
import type { FaultFacts, HttpRequest, HttpResponse } from "./http.ts";
import { Malformed, textOf } from "./malformed.ts";
import { documentLimit, once, type Protocol, type Service } from "./protocol.ts";
import { queryOf } from "./query.ts";
import { restCodec, type Document, type RestCodec } from "./rest.ts";
import { s3Router } from "./s3route.ts";
import { dateOf } from "./scalar.ts";
import type { Operation } from "./shape.ts";
import { escapeXml, parseXml } from "./xml.ts";
import { xmlCompiler } from "./xmlshape.ts";

const PROLOGUE = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** restXml, which of all services only S3 speaks here, with S3's habits. */
export function restXml(service: Service): Protocol {
  const namespace = ["", service.facts.xmlNamespace] as const;
  const document = xmlDocument(namespace);
  const codec = once((operation: Operation): RestCodec =>
    withHabits(operation, restCodec(operation, document), namespace[1]),
  );
  const route = s3Router(service.shapes.operations.values());
  return {
    match(sent) {
      const found = route(sent);
      if (found === undefined) return undefined;
      const { operation, labels, request } = found;
      return {
        operation,
        async decode() {
          try {
            return await codec(operation).decode(request, labels, queryOf(request), documentLimit(operation.input));
          } catch (error) {
            if (!(error instanceof Malformed)) throw error;
            if (error.message === "Couldn't parse the specified URI.")
              throw fault("InvalidURI", error.message, { status: 400 });
            throw malformedXml();
          }
        },
        encode(output, requestId) {
          const answer = codec(operation).encode(output);
          Object.assign(answer.headers, requestHeaders(requestId));
          return answer;
        },
        fault: (facts, requestId) => faultResponse(service, facts, requestId, sent),
      };
    },
  };
}

export function malformedXml(): AwsFault {
  return fault(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
    { status: 400 },
  );
}

function xmlDocument(namespace: readonly [prefix: string, uri: string]): Document {
  // S3 writes milliseconds always.
  const xml = xmlCompiler((value) => dateOf(value).toISOString());
  const parse = (bytes: Buffer) => [parseXml(textOf(bytes))];
  return {
    contentType: "application/xml",
    reader(members) {
      const codec = xml.structure(members, {});
      return (bytes) => codec.read(parse(bytes)) as object;
    },
    writer({ output }, members) {
      const codec = xml.structure(members, { xmlNamespace: namespace });
      const tag = output.traits.xmlName ?? output.name;
      return (value) => PROLOGUE + codec.write(tag, value);
    },
    payloadReader(member) {
      const codec = xml(member.shape);
      return (bytes) => codec.read(parse(bytes));
    },
    payloadWriter(member) {
      const { shape, traits } = member;
      const isStructure = shape.kind === "struct" || shape.kind === "union";
      const codec = isStructure
        ? xml.structure(shape.members, { xmlNamespace: traits.xmlNamespace ?? namespace })
        : xml(shape);
      const tag = traits.xmlName ?? shape.name;
      return (value) => PROLOGUE + codec.write(tag, value);
    },
    refuse: (place, text, problem) =>
      /integer|long/i.test(problem.message)
        ? fault("InvalidArgument", `Provided ${place} not an integer or within integer range`, {
            status: 400,
            detail: { ArgumentName: place, ArgumentValue: text },
          })
        : fault("InvalidArgument", `The value of ${place} is not valid`, {
            status: 400,
            detail: { ArgumentName: place, ArgumentValue: text },
          }),
  };
}

/** What the schemas do not tell of S3. */
function withHabits(operation: Operation, codec: RestCodec, namespace: string): RestCodec {
  // A range is answered as partial content.
  if (operation.name === "GetObject" || operation.name === "HeadObject") {
    return {
      ...codec,
      encode(output) {
        const answer = codec.encode(output);
        const { ContentRange: range } = (output ?? {}) as { ContentRange?: string };
        return range === undefined ? answer : { ...answer, status: 206 };
      },
    };
  }
  // "s3UnwrappedXmlOutput": the constraint itself is the root, and it is empty for us-east-1.
  if (operation.name !== "GetBucketLocation") return codec;
  return {
    ...codec,
    encode(output) {
      const { LocationConstraint: region } = (output ?? {}) as { LocationConstraint?: string };
      const text = region === undefined || region === "us-east-1" ? "" : escapeXml(region);
      const body = `${PROLOGUE}<LocationConstraint xmlns="${namespace}">${text}</LocationConstraint>`;
      return { status: 200, headers: { "content-type": "application/xml" }, body };
    },
  };
}

function requestHeaders(requestId: string): Record<string, string> {
  return { "x-amz-request-id": requestId, "x-amz-id-2": hostId(requestId) };
}

/** AWS's is opaque and longer; this one says the same as the request id, in the same alphabet. */
function hostId(requestId: string): string {
  return Buffer.from(`stepwell ${requestId}`).toString("base64");
}

function faultResponse(service: Service, facts: FaultFacts, requestId: string, request: HttpRequest): HttpResponse {
  const status = statusOf(facts, service.faults.find(facts.code));
  const headers = { ...requestHeaders(requestId), ...facts.headers };
  if (request.method === "HEAD" || status === 304) return { status, headers, body: "" };
  let details = "";
  for (const [name, value] of Object.entries(facts.detail ?? {})) {
    if (value !== undefined && value !== null && /^\w+$/.test(name))
      details += `<${name}>${escapeXml(detailText(value))}</${name}>`;
  }
  const body = `${PROLOGUE}<Error><Code>${escapeXml(facts.code)}</Code><Message>${escapeXml(facts.message)}</Message>${details}<RequestId>${escapeXml(requestId)}</RequestId><HostId>${hostId(requestId)}</HostId></Error>`;
  return { status, headers: { "content-type": "application/xml", ...headers }, body };
}

function detailText(value: unknown): string {
  if (typeof value === "string") return value;
  return value instanceof Date ? value.toISOString() : JSON.stringify(value);
}
