import { encodeCbor } from "../wire/cbor.ts";
import type { FaultFacts, HttpResponse } from "../wire/http.ts";
import type { Family } from "./refuse.ts";

/** A fault of a request that no operation was found for: the family's form, without a model. */
export function bareFault(
  family: Family,
  fault: FaultFacts,
  facts: { readonly requestId: string; readonly hostId: string; readonly resource: string },
): HttpResponse {
  const status = fault.status ?? 400;
  const extra = { ...fault.headers };
  switch (family) {
    case "s3": {
      const detail = {
        ...fault.detail,
        Resource: fault.detail?.["Resource"] ?? facts.resource,
        RequestId: facts.requestId,
        HostId: facts.hostId,
      };
      let body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${element("Code", fault.code)}${element("Message", fault.message)}`;
      for (const [name, value] of Object.entries(detail)) if (typeof value === "string") body += element(name, value);
      return { status, headers: { ...extra, "content-type": "application/xml" }, body: `${body}</Error>` };
    }
    case "query": {
      const type = status < 500 ? "Sender" : "Receiver";
      const error = `<Error>${element("Type", type)}${element("Code", fault.code)}${element("Message", fault.message)}</Error>`;
      const body = `<ErrorResponse>${error}${element("RequestId", facts.requestId)}</ErrorResponse>`;
      return { status, headers: { ...extra, "content-type": "text/xml" }, body };
    }
    case "cbor":
      return {
        status,
        headers: { ...extra, "content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
        body: encodeCbor({ __type: fault.code, message: fault.message }),
      };
    case "json":
    case "rest": {
      const type = family === "json" ? "application/x-amz-json-1.1" : "application/json";
      return {
        status,
        headers: { ...extra, "content-type": type, "x-amzn-errortype": fault.code },
        body: JSON.stringify({ __type: fault.code, message: fault.message, ...fault.detail }),
      };
    }
  }
}

const element = (name: string, value: string): string => `<${name}>${escape(value)}</${name}>`;
/** Characters that XML 1.0 cannot hold are left out: the text only explains. */
function escape(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "")
    .replaceAll(/[&<>"]/g, (character) =>
      character === "&" ? "&amp;" : character === "<" ? "&lt;" : character === ">" ? "&gt;" : "&quot;",
    );
}
