import type { Target } from "@aws-sdk/client-eventbridge";
import type { BusName } from "./arns.ts";
import type { TargetRow } from "./rows.ts";
import { compileTransform, wholeEvent, type Transform } from "./transform.ts";

/** A target ready for deliveries. */
export type CompiledTarget = {
  readonly id: string;
  readonly arn: string;
  readonly kind: "states" | "bus";
  readonly roleArn: string | undefined;
  readonly transform: Transform;
  /** The input is the event itself. */
  readonly isWhole: boolean;
  readonly maximumRetryAttempts: number;
  readonly maximumAgeMs: number;
};

/** AWS's defaults: 185 attempts within 24 hours. */
const MAXIMUM_RETRY_ATTEMPTS = 185;
const MAXIMUM_AGE_SECONDS = 86_400;

/** A target as a row keeps it; it was checked when it was put. */
export function compileTarget(row: TargetRow): CompiledTarget {
  const spec = JSON.parse(row.spec) as Target;
  const transform = compileTransform(inputOf(spec), row.id);
  return {
    id: row.id,
    arn: row.arn,
    kind: kindOf(row.arn) === "bus" ? "bus" : "states",
    roleArn: spec.RoleArn,
    transform: "error" in transform ? wholeEvent : transform,
    isWhole: "error" in transform || transform === wholeEvent,
    maximumRetryAttempts: spec.RetryPolicy?.MaximumRetryAttempts ?? MAXIMUM_RETRY_ATTEMPTS,
    maximumAgeMs: (spec.RetryPolicy?.MaximumEventAgeInSeconds ?? MAXIMUM_AGE_SECONDS) * 1000,
  };
}

function inputOf({ Input, InputPath, InputTransformer }: TargetFacts) {
  const transformer = InputTransformer && {
    InputTemplate: InputTransformer.InputTemplate ?? "",
    ...(InputTransformer.InputPathsMap ? { InputPathsMap: InputTransformer.InputPathsMap } : {}),
  };
  return { Input, InputPath, InputTransformer: transformer };
}

type TargetFacts = Pick<Target, "Input" | "InputPath" | "InputTransformer">;

/** What stands at an ARN, as far as events are delivered to it. */
function kindOf(arn: string): "states" | "bus" | undefined {
  if (/^arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[^:]+(:[^:]+)?$/.test(arn)) return "states";
  if (/^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/.+$/.test(arn)) return "bus";
  return undefined;
}

/** Why a target cannot be: `whole` fails the whole call, else the target is among the FailedEntries. */
export type TargetRefusal = { readonly whole: boolean; readonly code: string; readonly message: string };

/** Blocks for kinds of targets that Stepwell does not deliver to. */
const BLOCKS = [
  "KinesisParameters",
  "RunCommandParameters",
  "EcsParameters",
  "BatchParameters",
  "SqsParameters",
  "HttpParameters",
  "RedshiftDataParameters",
  "SageMakerPipelineParameters",
  "AppSyncParameters",
] as const;

/** Checks a target as PutTargets does; undefined if it is good. */
export function refusalOf(target: Target & { Id: string; Arn: string }, bus: BusName): TargetRefusal | undefined {
  const { Id: id, Arn: arn } = target;
  const whole = (message: string): TargetRefusal => ({ whole: true, code: "ValidationException", message });
  const failed = (message: string): TargetRefusal => ({ whole: false, code: "NotImplemented", message });
  const parts = /^arn:aws[a-z-]*:([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws|):.+$/.exec(arn);
  if (!parts) return whole(`Parameter ${arn} is not valid. Reason: Provided Arn is not in correct format.`);
  const transform = compileTransform(inputOf(target), id);
  if ("error" in transform) return whole(transform.error);
  const kind = kindOf(arn);
  if (!kind) return failed(`Stepwell does not deliver events to ${parts[1]} targets yet: ${arn}`);
  const block = BLOCKS.find((name) => target[name] !== undefined);
  if (block)
    return failed(`Stepwell does not implement ${block}; a ${kind === "bus" ? "bus" : "state machine"} takes none.`);
  if (target.DeadLetterConfig?.Arn !== undefined)
    return failed(
      "Stepwell does not implement DeadLetterConfig until it has SQS; events that cannot be delivered are kept on record as dead ends.",
    );
  const foreign = parts[3] !== bus.account;
  if (target.RoleArn === undefined && !(kind === "bus" && foreign))
    return whole(`RoleArn is required for target ${id}.`);
  if (kind === "states" && (parts[2] !== bus.region || foreign))
    return whole(`Parameter ${arn} is not valid. Reason: Provided Arn is not in the rule's account and Region.`);
  if (arn === bus.arn)
    return whole(`Parameter ${arn} is not valid. Reason: An event bus cannot be a target of its own rules.`);
  return undefined;
}
