import { bodyOf } from "../../src/wire/body.ts";
import type { HttpRequest } from "../../src/wire/http.ts";

/** A request made by hand: `request("PUT", "/bucket/key?acl", { headers, body })`. */
export function request(
  method: string,
  target: string,
  {
    headers = {},
    body = "",
  }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Uint8Array } = {},
): HttpRequest {
  const [path = "", search = ""] = target.split("?");
  return { method, path, query: [...new URLSearchParams(search)], headers, body: bodyOf(Buffer.from(body as string)) };
}

/** The operation of an awsQuery POST is named in its body, so whoever receives one reads it before matching. */
export async function withForm(sent: HttpRequest): Promise<HttpRequest> {
  const isForm = sent.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false;
  return isForm ? { ...sent, form: (await sent.body.bytes(Infinity)).toString() } : sent;
}
