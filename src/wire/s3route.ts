import type { HttpRequest } from "./http.ts";
import { queryOf } from "./query.ts";
import { restRouter, type Labels } from "./router.ts";
import type { Operation } from "./shape.ts";

/** `request` has the x-amz-* parameters of a presigned URL among its headers, where S3 takes them from too. */
export type S3Route = { readonly operation: Operation; readonly labels: Labels; readonly request: HttpRequest };

/**
 * S3's routing: the bucket is the path's first segment, the rest is the template's. A request that says more than the
 * operation found can hear is no request for it: `PUT /bucket/key?annotation` must never become a plain PutObject, nor
 * `DELETE /bucket?metrics` a DeleteBucket. So an unknown parameter, or a header that another operation demands, gives no
 * match, and whoever asked answers NotImplemented.
 */
export function s3Router(operations: Iterable<Operation>): (request: HttpRequest) => S3Route | undefined {
  const all = [...operations];
  const ofBucket = (operation: Operation): boolean =>
    operation.input.members.some((member) => member.name === "Bucket" && member.traits.httpLabel === 1);
  const inBucket = restRouter(all.filter(ofBucket));
  const outside = restRouter(all.filter((operation) => !ofBucket(operation)));
  const accepts = acceptance(all);
  return (sent) => {
    const request = withSignedHeaders(sent);
    const { bucket, rest } = split(request.path);
    const route = bucket === "" ? outside : inBucket;
    const found = route(request, rest, queryOf(request));
    if (found === undefined || !accepts(found.operation, request)) return undefined;
    const labels = bucket === "" ? found.labels : { ...found.labels, Bucket: bucket };
    return { operation: found.operation, labels, request };
  };
}

function split(path: string): { bucket: string; rest: string } {
  const slash = path.indexOf("/", 1);
  return slash < 0 ? { bucket: path.slice(1), rest: "/" } : { bucket: path.slice(1, slash), rest: path.slice(slash) };
}

/** The parameters of signatures, of versions 4 and 2, and the hint that some clients send. */
const SIGNING =
  /^(?:x-id|x-amz-algorithm|x-amz-credential|x-amz-date|x-amz-expires|x-amz-signedheaders|x-amz-signature|x-amz-security-token|x-amz-content-sha256|x-amz-region-set|x-amz-user-agent|awsaccesskeyid|signature|expires)$/i;

/** Headers that may accompany any request: they say how it travels, not what it does. */
const CARRYING =
  /^x-amz-(?:date|content-sha256|security-token|decoded-content-length|trailer|user-agent|region-set|request-payer|expected-bucket-owner|source-expected-bucket-owner|sdk-checksum-algorithm|checksum-.+|meta-.+|s3session-token|cf-id)$/;

function withSignedHeaders(request: HttpRequest): HttpRequest {
  const hoisted = request.query.filter(([name]) => /^x-amz-/i.test(name) && !SIGNING.test(name));
  if (hoisted.length === 0) return request;
  const headers = { ...request.headers };
  for (const [name, value] of hoisted) headers[name.toLowerCase()] ??= value;
  return { ...request, headers, query: request.query.filter(([name]) => !/^x-amz-/i.test(name) || SIGNING.test(name)) };
}

/** Whether an operation hears all that a request says. */
function acceptance(operations: readonly Operation[]): (operation: Operation, request: HttpRequest) => boolean {
  const parameters = new Map<Operation, ReadonlySet<string>>();
  const headers = new Map<Operation, ReadonlySet<string>>();
  const everyParameter = new Set<string>();
  const everyHeader = new Set<string>();
  const demanded = new Map<string, Set<string>>();
  for (const operation of operations) {
    const [method = "", template = ""] = operation.traits.http ?? [];
    const own = new Set([...new URLSearchParams(template.split("?")[1] ?? "")].map(([name]) => name));
    const heard = new Set<string>();
    for (const { traits, required } of operation.input.members) {
      if (traits.httpQuery !== undefined) own.add(traits.httpQuery);
      const header = traits.httpHeader?.toLowerCase();
      if (header === undefined) continue;
      heard.add(header);
      everyHeader.add(header);
      if (required) demanded.set(method, (demanded.get(method) ?? new Set()).add(header));
    }
    parameters.set(operation, own);
    headers.set(operation, heard);
    own.forEach((name) => everyParameter.add(name));
  }
  return (operation, request) => {
    const reading = request.method === "GET" || request.method === "HEAD";
    for (const [name, value] of request.query) {
      if (SIGNING.test(name) || (parameters.get(operation)?.has(name) ?? false)) continue;
      // `GET /bucket/page.html?v=3` is a plain read to AWS, and does no harm; `?torrent` or `?newthing` is another operation.
      if (!reading || value === "" || everyParameter.has(name)) return false;
    }
    if (reading) return true;
    for (const name in request.headers) {
      if (!name.startsWith("x-amz-") || (headers.get(operation)?.has(name) ?? false) || CARRYING.test(name)) continue;
      if (!everyHeader.has(name) || (demanded.get(request.method)?.has(name) ?? false)) return false;
    }
    return true;
  };
}
