import type { Pair } from "./canonical.ts";
import type { Family } from "./refuse.ts";

/** JSON and CBOR services, by what stands before the dot of X-Amz-Target and in `/service/NAME/operation/…`. */
const TARGETS: Readonly<Record<string, string>> = {
  AWSStepFunctions: "states",
  AWSEvents: "events",
  CloudTrail_20131101: "cloudtrail",
  AmazonSSM: "ssm",
  Logs_20140328: "logs",
  AmazonSQS: "sqs",
  RekognitionService: "rekognition",
  DynamoDB_20120810: "dynamodb",
};
/** Query services, by the API version that every form carries. */
const VERSIONS: Readonly<Record<string, string>> = {
  "2010-05-08": "iam",
  "2011-06-15": "sts",
  "2010-03-31": "sns",
  "2010-05-15": "cloudformation",
  "2012-11-05": "sqs",
};

type Headers = Readonly<Record<string, string | undefined>>;

/**
 * The service that a request asks, by its name in credential scopes (`states`): the scope decides, then
 * X-Amz-Target, the CBOR path, the form's Version; what says none of these is S3.
 */
export function serviceOf(scope: string | undefined, headers: Headers, path: string, query: readonly Pair[]): string {
  if (scope !== undefined) return scope;
  const target = headers["x-amz-target"];
  if (target !== undefined) {
    const cut = target.lastIndexOf(".");
    const prefix = target.slice(0, cut);
    return TARGETS[prefix.slice(prefix.lastIndexOf(".") + 1)] ?? prefix.toLowerCase();
  }
  if (headers["smithy-protocol"] !== undefined) {
    const name = /^\/service\/([^/]+)\/operation\//.exec(path)?.[1];
    if (name !== undefined) return TARGETS[name] ?? name.toLowerCase();
  }
  if (path === "/" && query.some(([name]) => name === "Action")) {
    const version = query.find(([name]) => name === "Version")?.[1];
    if (version !== undefined && VERSIONS[version] !== undefined) return VERSIONS[version];
  }
  return "s3";
}

/** How the service that is asked words its errors to this client. */
export function familyOf(service: string, headers: Headers, query: readonly Pair[]): Family {
  if (service === "s3") return "s3";
  if (headers["smithy-protocol"] === "rpc-v2-cbor") return "cbor";
  if (headers["x-amz-target"] !== undefined) return "json";
  if (isForm(headers) || query.some(([name]) => name === "Action") || QUERY.has(service)) return "query";
  return JSON_SERVICES.has(service) ? "json" : "rest";
}
const QUERY = new Set(["iam", "sts", "sns", "cloudformation"]);
const JSON_SERVICES = new Set(Object.values(TARGETS));

export const isForm = (headers: Headers): boolean =>
  headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;

/** The family of a service when nobody asks over the wire. */
export function nativeFamily(service: string): Family {
  if (service === "s3") return "s3";
  if (QUERY.has(service)) return "query";
  return JSON_SERVICES.has(service) ? "json" : "rest";
}

/**
 * The bucket that the Host header names, if it does: `bucket.s3.HOST`, `bucket.s3.REGION.HOST`, `bucket.localhost`,
 * `bucket.aws.localhost`, and `bucket.HOST` for the hosts given. Plain names and addresses are path style.
 */
export function bucketOf(host: string | undefined, hosts: readonly string[]): string | undefined {
  if (host === undefined) return undefined;
  const name = withoutPort(host).toLowerCase();
  if (/^[\d.]+$/.test(name) || name.startsWith("[")) return undefined;
  const marked = /^(.+)\.s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-\d+)?\.[a-z0-9.-]+$/.exec(name);
  if (marked) return marked[1];
  if (/^s3(?:[.-]|$)/.test(name)) return undefined;
  for (const known of [...hosts, "aws.localhost", "localhost"]) {
    if (name === known) return undefined;
    if (name.endsWith(`.${known}`)) return name.slice(0, -known.length - 1);
  }
  return undefined;
}
function withoutPort(host: string): string {
  const cut = host.lastIndexOf(":");
  return cut > 0 && !host.endsWith("]") ? host.slice(0, cut) : host;
}

/** Path style of a virtual-hosted path: the wire knows only `/bucket/key`. */
export const pathStyle = (bucket: string, path: string): string => (path === "/" ? `/${bucket}` : `/${bucket}${path}`);
