/** Functions: `lambda:invoke`, and a function's ARN as a Task's resource. */
import type { Clock } from "../../clock/clock.ts";
import { isObject, parseJson } from "../asl/json.ts";
import { TaskFailed } from "./failure.ts";
import type { Parameters } from "./integrations.ts";
import { withMetadata } from "./metadata.ts";

/** The payload is any JSON; the function gets its text. */
export function invokeInput(given: Parameters, lossless: Parameters): Parameters {
  return given["Payload"] === undefined ? given : { ...given, Payload: JSON.stringify(lossless["Payload"]) };
}

/** The result of `lambda:invoke`: the payload as JSON, beside how the service answered. */
export function invokeResult(output: Parameters, clock: Clock): unknown {
  const { ExecutedVersion, StatusCode, LogResult } = output;
  const body = payloadText(output);
  const version = typeof ExecutedVersion === "string" ? ExecutedVersion : "$LATEST";
  const headers = {
    "X-Amz-Executed-Version": version,
    "x-amzn-Remapped-Content-Length": "0",
    "X-Amzn-Trace-Id": `root=1-${Math.floor(clock.now() / 1000).toString(16)}-${clock.text(24, "0123456789abcdef")};sampled=0`,
  };
  const result = {
    ExecutedVersion: version,
    ...(LogResult !== undefined && { LogResult }),
    ...(body !== "" && { Payload: payloadOf(body) }),
    StatusCode,
  };
  return withMetadata(result, { contentType: "application/json", body, headers, connection: "Connection" }, clock);
}

/** The result of a function's ARN: its payload alone, as text. */
export function functionResult(output: Parameters): string {
  const text = payloadText(output);
  return text === "" ? "null" : JSON.stringify(payloadOf(text));
}

/** What the function answered; throws if it failed. */
function payloadText(output: Parameters): string {
  const text = typeof output["Payload"] === "string" ? output["Payload"] : "";
  if (output["FunctionError"] === undefined) return text;
  const thrown = payloadOf(text);
  const errorType = isObject(thrown) ? thrown["errorType"] : undefined;
  if (typeof errorType === "string") throw new TaskFailed(errorType, text);
  throw new TaskFailed(
    "Lambda.Unknown",
    `The cause could not be determined because Lambda did not return an error type. Returned payload: ${text}`,
  );
}

/** Bytes that are no JSON come as the text that they are. */
function payloadOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
