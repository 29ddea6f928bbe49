import { awsJson, rpcv2Cbor } from "./awsjson.ts";
import { awsQuery } from "./awsquery.ts";
import { TASK_JSON } from "./dialects.ts";
import { faultTable } from "./errors.ts";
import { fault, type AwsFault } from "./fault.ts";
import type { HttpRequest, Match, Wire } from "./http.ts";
import { treeCompiler } from "./json.ts";
import { loadModel, type ServiceFacts } from "./model.ts";
import { once, refusing, type Found, type Protocol, type Service } from "./protocol.ts";
import { restJson1 } from "./restjson.ts";
import { malformedXml, restXml } from "./restxml.ts";
import { sensitivePaths } from "./sensitive.ts";
import { shapesOf, type Operation } from "./shape.ts";
import { sentenceOf, validatorCompiler, type Validator } from "./validate.ts";

/** One service's operations on the wire. The model is loaded, synchronously, when the first request asks for it. */
export function openWire(model: string): Wire {
  return wires(model);
}

const wires = once((name: string): Wire => {
  let opened: Wire | undefined;
  const open = (): Wire => (opened ??= openModel(name));
  return {
    match: (request) => open().match(request),
    get operations() {
      return open().operations;
    },
    validate: (operation, input) => open().validate(operation, input),
    fromJson: (operation, document) => open().fromJson(operation, document),
    toJson: (operation, output) => open().toJson(operation, output),
    sensitive: (operation, side) => open().sensitive(operation, side),
  };
});

const PROTOCOLS: Readonly<Record<ServiceFacts["protocols"][number], (service: Service) => Protocol>> = {
  awsJson1_0: (service) => awsJson(service, "1.0"),
  awsJson1_1: (service) => awsJson(service, "1.1"),
  awsQuery,
  restJson1,
  restXml,
  rpcv2Cbor,
};

function openModel(name: string): Wire {
  const model = loadModel(name);
  const shapes = shapesOf(model);
  const service: Service = { facts: model.service, shapes, faults: faultTable(model, shapes) };
  const protocols = model.service.protocols.map((protocol) => PROTOCOLS[protocol](service));
  const compileValidator = validatorCompiler();
  const validator = once((operation: Operation) => compileValidator(operation.input));
  const check = (operation: Operation, input: unknown): void =>
    validated(model.service, operation, input, validator(operation));
  const tasks = treeCompiler(TASK_JSON);
  const named = (operation: string): Operation => {
    const found = shapes.operations.get(operation);
    if (found === undefined)
      throw fault("UnknownOperationException", `${name} has no operation ${operation}`, { status: 400 });
    return found;
  };
  const secrets = once((key: string) => {
    const [operation = "", side] = key.split("/");
    return sensitivePaths(side === "input" ? named(operation).input : named(operation).output);
  });
  return {
    match: (request) => firstMatch(protocols, request, check),
    operations: new Map(
      [...shapes.operations.keys()].map((operation) => [
        operation,
        { name: operation, readOnly: isReadOnly(operation) },
      ]),
    ),
    validate: (operation, input) => check(named(operation), input),
    fromJson: (operation, document) =>
      refusing("ValidationException", 400, () => tasks(named(operation).input).read(document ?? {}, 0)),
    toJson: (operation, output) => tasks(named(operation).output).write(output ?? {}),
    sensitive: (operation, side) => secrets(`${operation}/${side}`),
  };
}

function firstMatch(
  protocols: readonly Protocol[],
  request: HttpRequest,
  check: (operation: Operation, input: unknown) => void,
): Match | undefined {
  let found: Found | undefined;
  for (const protocol of protocols) {
    found = protocol.match(request);
    if (found !== undefined) break;
  }
  if (found === undefined) return undefined;
  const { operation, decode, encode, fault: encodeFault } = found;
  return {
    operation: operation.name,
    async decode() {
      const input = await decode();
      check(operation, input);
      return input;
    },
    encode,
    fault: encodeFault,
  };
}

function validated(service: ServiceFacts, operation: Operation, input: unknown, validator: Validator): void {
  const violations = validator(input);
  if (violations.length === 0) return;
  if (service.protocols[0] === "restXml") {
    const refused = s3Refusal(operation, violations);
    if (refused !== undefined) throw refused;
    return;
  }
  const code = service.protocols[0] === "awsQuery" ? "ValidationError" : "ValidationException";
  throw fault(code, sentenceOf(violations), { status: 400 });
}

/** S3 validates documents against its schema, and checks the rest in ways of its own, which its handlers do. */
function s3Refusal(operation: Operation, violations: ReturnType<Validator>): AwsFault | undefined {
  for (const { member, kind } of violations) {
    const { traits, name } = member;
    const inDocument =
      traits.httpHeader === undefined && traits.httpQuery === undefined && traits.httpLabel === undefined;
    if (inDocument && (kind === "null" || kind === "enum")) {
      const empty = traits.httpPayload === 1 && kind === "null" && operation.input.members.includes(member);
      return empty && isMissing(violations, name)
        ? fault("MissingRequestBodyError", "Request Body is empty", { status: 400 })
        : malformedXml();
    }
    if (kind !== "null") continue;
    // Over the wire the path always names them; calls from inside may forget.
    if (traits.httpLabel === 1) return fault("InvalidRequest", `Missing required parameter: ${name}`, { status: 400 });
    if (traits.httpHeader !== undefined)
      return fault("InvalidRequest", `Missing required header for this request: ${traits.httpHeader}`, { status: 400 });
    if (traits.httpQuery !== undefined)
      return fault("InvalidArgument", `Missing required parameter for this request: ${traits.httpQuery}`, {
        status: 400,
      });
  }
  return undefined;
}

/** The payload itself is missing, not something in it. */
function isMissing(violations: ReturnType<Validator>, name: string): boolean {
  const place = `'${name.charAt(0).toLowerCase()}${name.slice(1)}'`;
  return violations.some((each) => each.kind === "null" && each.sentence.includes(` at ${place} `));
}

/** By CloudTrail's sense, to which AssumeRole reads too. GetActivityTask changes what others will see. */
const READING =
  /^(?:Get|List|Describe|Head|Lookup|Test|Validate|Simulate|Search|Query|Scan|BatchGet|Filter|Detect|Compare|Recognize|Select|Estimate|Decode|AssumeRole)(?=[A-Z]|$)/;
const CHANGING: ReadonlySet<string> = new Set(["GetActivityTask"]);
const isReadOnly = (operation: string): boolean => READING.test(operation) && !CHANGING.has(operation);
