import type { EncryptionConfiguration } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { invalidArn } from "../arns.ts";
import { logGroupOf } from "../logs/entry.ts";
import type { MachineRow } from "../rows/machines.ts";

const NO_LOGGING = { level: "OFF", includeExecutionData: false };

/** The settings of Create and Update beside name, definition and role. */
export type Settings = {
  readonly publish?: boolean | undefined;
  readonly versionDescription?: string | undefined;
  readonly loggingConfiguration?:
    | {
        readonly level?: string | undefined;
        readonly includeExecutionData?: boolean | undefined;
        readonly destinations?:
          | readonly {
              readonly cloudWatchLogsLogGroup?: { readonly logGroupArn?: string | undefined } | undefined;
            }[]
          | undefined;
      }
    | undefined;
  readonly tracingConfiguration?: { readonly enabled?: boolean | undefined } | undefined;
  readonly encryptionConfiguration?: { readonly type?: string | undefined } | undefined;
};

export function encryptionOf(text: string | null): EncryptionConfiguration {
  return text === null ? { type: "AWS_OWNED_KEY" } : (JSON.parse(text) as EncryptionConfiguration);
}

/** Refuses what is not there, and what AWS refuses. */
export function checkSettings(input: Settings): void {
  if (input.versionDescription !== undefined && input.publish !== true)
    throw fault("ValidationException", "Version description can only be set when publish is true");
  if (input.loggingConfiguration) checkLogging(input.loggingConfiguration);
  if (input.encryptionConfiguration?.type === "CUSTOMER_MANAGED_KMS_KEY")
    throw notOffered("customer managed keys (encryptionConfiguration.type CUSTOMER_MANAGED_KMS_KEY)");
}

function checkLogging({ level = "OFF", destinations = [] }: NonNullable<Settings["loggingConfiguration"]>): void {
  if (destinations.length > 1 || (level !== "OFF" && destinations.length === 0))
    throw invalidLogging("Must specify exactly one Log Destination.");
  for (const destination of destinations) {
    const arn = destination.cloudWatchLogsLogGroup?.logGroupArn ?? "";
    if (logGroupOf(arn)) continue;
    const forgotten = logGroupOf(`${arn}:*`) !== undefined;
    throw invalidLogging(
      forgotten ? "Log Group ARN must be provided with '*' qualifier." : "Log Destination ARN is invalid.",
    );
  }
}

function invalidLogging(reason: string): Error {
  return fault("InvalidLoggingConfiguration", `Invalid Logging Configuration: ${reason}`);
}

/** A refusal that nobody mistakes for success: what Stepwell does not have is answered as an operation that it does not have. */
function notOffered(what: string): Error {
  return fault("NotImplementedException", `Stepwell does not implement ${what}.`, { status: 501 });
}

export function checkRoleArn(arn: string): void {
  if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(arn)) throw invalidArn(`Invalid ARN: ${arn}`);
}

type StoredSettings = Pick<MachineRow, "logging" | "tracing" | "encryption">;

/** Settings as they are stored; what is not given stays as it was. */
export function settingsOf(input: Settings, before: StoredSettings | undefined): StoredSettings {
  const { loggingConfiguration: logging, tracingConfiguration: tracing, encryptionConfiguration: encryption } = input;
  return {
    logging: logging ? JSON.stringify({ ...NO_LOGGING, ...logging }) : (before?.logging ?? JSON.stringify(NO_LOGGING)),
    tracing: tracing ? Number(tracing.enabled === true) : (before?.tracing ?? 0),
    encryption: encryption ? JSON.stringify(encryption) : (before?.encryption ?? null),
  };
}

export function sameSettings(left: StoredSettings, right: StoredSettings): boolean {
  return left.logging === right.logging && left.tracing === right.tracing && left.encryption === right.encryption;
}
