import { sideOf, statusOf } from "./errors.ts";
import { formCompiler, formOf } from "./form.ts";
import type { HttpRequest } from "./http.ts";
import { once, refusing, type Protocol, type Service } from "./protocol.ts";
import { dateOf, writeTimestamp } from "./scalar.ts";
import type { Operation } from "./shape.ts";
import { escapeXml } from "./xml.ts";
import { xmlCompiler } from "./xmlshape.ts";

/** awsQuery: a form with `Action` and `Version`, by POST or in the query of a GET; answers in XML. */
export function awsQuery(service: Service): Protocol {
  const read = formCompiler();
  const xml = xmlCompiler((value) => writeTimestamp(dateOf(value), "date-time"));
  const result = once((operation: Operation) => xml.structure(operation.output.members, {}));
  const { operations } = service.shapes;
  const { version, xmlNamespace } = service.facts;
  const open = xmlNamespace === "" ? "" : ` xmlns="${escapeXml(xmlNamespace)}"`;
  const headersOf = (requestId: string): Record<string, string> => ({
    "content-type": "text/xml",
    "x-amzn-requestid": requestId,
  });
  return {
    match(request) {
      const fields = fieldsOf(request);
      if (fields === undefined || valueOf(fields, "Version") !== version) return undefined;
      const operation = operations.get(valueOf(fields, "Action") ?? "");
      if (operation === undefined) return undefined;
      return {
        operation,
        decode: async () => refusing("MalformedInput", 400, () => read(operation.input)(formOf(fields))),
        encode(output, requestId) {
          const { name } = operation;
          const body = operation.unit ? "" : result(operation).write(`${name}Result`, output ?? {});
          return {
            status: 200,
            headers: headersOf(requestId),
            body: `<${name}Response${open}>${body}<ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata></${name}Response>`,
          };
        },
        fault(facts, requestId) {
          const known = service.faults.find(facts.code);
          const status = statusOf(facts, known);
          const side = sideOf(status, known) === "client" ? "Sender" : "Receiver";
          const code = escapeXml(known?.queryCode ?? facts.code);
          return {
            status,
            headers: { ...headersOf(requestId), ...facts.headers },
            body: `<ErrorResponse${open}><Error><Type>${side}</Type><Code>${code}</Code><Message>${escapeXml(facts.message)}</Message></Error><RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`,
          };
        },
      };
    },
  };
}

type Fields = Iterable<readonly [string, string]>;

function fieldsOf(request: HttpRequest): Fields | undefined {
  if (request.headers["x-amz-target"] !== undefined) return undefined;
  if (request.form !== undefined) return new URLSearchParams(request.form);
  return request.method === "GET" && request.path === "/" ? request.query : undefined;
}

function valueOf(fields: Fields, name: string): string | undefined {
  for (const [field, value] of fields) if (field === name) return value;
  return undefined;
}
