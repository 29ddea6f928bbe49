import { HEX_UPPER, LETTERS_AND_DIGITS, type Clock } from "../../clock/clock.ts";
import type { AwsFault } from "../../wire/fault.ts";
import { modelOf } from "./models.ts";
import type { SdkService } from "./services.ts";

/** How a task failed, as the interpreter wants to hear it. */
export type TaskFailure = { readonly error: string; readonly cause: string };

/** Thrown where a task fails for a reason of its own, not a service's. */
export class TaskFailed extends Error {
  override readonly name = "TaskFailed";
  readonly failure: TaskFailure;
  constructor(error: string, cause: string) {
    super(cause);
    this.failure = { error, cause };
  }
}

/**
 * A service's fault as an `aws-sdk` task reports it: `S3.NoSuchKeyException` for errors that the service's model
 * declares, `S3.S3Exception` for all others, with the sentence of AWS's Java SDK.
 */
export function sdkFailure(fault: AwsFault, service: SdkService, clock: Clock): TaskFailure {
  const { sdkName } = service;
  const status = statusOf(fault, service.model);
  const extended = service.extendedRequestId
    ? `, Extended Request ID: ${fault.headers["x-amz-id-2"] ?? clock.text(76, LETTERS_AND_DIGITS)}`
    : "";
  const attempts = service.attemptCount ? " (SDK Attempt Count: 1)" : "";
  return {
    error: `${sdkName}.${declared(service.model, fault.code) ? exceptionName(fault.code) : `${sdkName}Exception`}`,
    cause: `${fault.message} (Service: ${sdkName}, Status Code: ${status}, Request ID: ${requestId(service, clock)}${extended})${attempts}`,
  };
}

/** The same as the optimised integrations report it: `(Service: AWSStepFunctions; Status Code: 400; Error Code: …; Proxy: null)`. */
export function optimisedFailure(
  fault: AwsFault,
  names: { readonly prefix: string; readonly service: string; readonly model: string },
  clock: Clock,
): TaskFailure {
  const { prefix, service, model } = names;
  const name = declared(model, fault.code) ? exceptionName(fault.code) : `${service.replace(/v\d$/, "")}Exception`;
  return {
    error: `${prefix}.${name}`,
    cause: `${fault.message} (Service: ${service}; Status Code: ${statusOf(fault, model)}; Error Code: ${fault.code}; Request ID: ${clock.uuid()}; Proxy: null)`,
  };
}

function exceptionName(code: string): string {
  return /(Exception|Error)$/.test(code) ? code.replace(/Error$/, "Exception") : `${code}Exception`;
}

function requestId(service: SdkService, clock: Clock): string {
  return service.extendedRequestId ? clock.text(16, HEX_UPPER) : clock.uuid();
}

/** Whether an operation of the service declares this error: those are the exceptions that the SDK has classes for. */
function declared(model: string, code: string): boolean {
  return Object.values(modelOf(model).operations).some(([, , , errors]) => errors.includes(code));
}

function statusOf(fault: AwsFault, model: string): number {
  if (fault.status !== undefined) return fault.status;
  const traits = modelOf(model).shapes[fault.code]?.[1];
  if (typeof traits !== "object") return 400;
  return traits.httpError ?? traits.awsQueryError?.[1] ?? (traits.error === "server" ? 500 : 400);
}
