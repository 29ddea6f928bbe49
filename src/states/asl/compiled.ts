/** A compiled machine: plain structure around closures. The interpreter never looks at the definition again. */
import type { Condition } from "./choice.ts";
import type { Datum } from "./json.ts";
import type { MapItem, RawItem } from "./dataset.ts";
import type { Assigned, Scope } from "./scope.ts";
import type { MachineType, MapPlan, TaskReference } from "./types.ts";

export type Machine = {
  readonly type: MachineType;
  readonly startAt: string;
  /** All states of the machine, those of branches and processors included: names are unique in the whole machine. */
  readonly states: ReadonlyMap<string, State>;
  readonly timeoutSeconds?: number;
  /** Every Task, so that the caller can refuse resources that it does not serve. */
  readonly tasks: readonly TaskReference[];
  /** State name to the variables that it reads, as DescribeStateMachine shows them. */
  readonly variableReferences: { readonly [stateName: string]: readonly string[] };
  /** The processors of Distributed Maps by label, each a machine of its own. */
  readonly processors: ReadonlyMap<string, Machine>;
};

export type State =
  | PassState
  | TaskState
  | ChoiceState
  | WaitState
  | SucceedState
  | FailState
  | ParallelState
  | MapState;

type Named = { readonly name: string };
/** `next` is absent at the end of a sequence. */
type Flowing = Named & { readonly next?: string; readonly assign?: Assign };

/** What the state works on: InputPath, then Parameters; or Arguments. */
export type Produce = (scope: Scope) => Datum;
/** What the state puts out: ResultSelector, ResultPath, OutputPath; or Output. */
export type Finish = (scope: Scope, result: Datum) => Datum;
/** New variables; `data` is what `$` means there: the result, or the effective input where there is none. */
export type Assign = (scope: Scope, data: Datum) => Assigned;
export type Measure = (scope: Scope, data: Datum) => number;

export type PassState = Flowing & {
  readonly kind: "Pass";
  readonly input: Produce;
  readonly result?: Datum;
  readonly output: Finish;
};
export type SucceedState = Named & { readonly kind: "Succeed"; readonly output: (scope: Scope) => Datum };
export type FailState = Named & {
  readonly kind: "Fail";
  readonly error?: (scope: Scope) => string;
  readonly cause?: (scope: Scope) => string;
};
export type WaitState = Flowing & {
  readonly kind: "Wait";
  readonly input: Produce;
  readonly output: Finish;
  /** When the wait ends, in milliseconds. */
  readonly until: (scope: Scope, input: Datum, now: number) => number;
};
export type ChoiceState = Flowing & {
  readonly kind: "Choice";
  readonly input: Produce;
  readonly output: Finish;
  readonly rules: readonly {
    readonly condition: Condition;
    readonly next: string;
    readonly assign?: Assign;
    readonly output?: Finish;
  }[];
};
export type TaskState = Flowing &
  Guarded & {
    readonly kind: "Task";
    readonly resource: Resource;
    /** What the limits and Credentials are read from: the input after InputPath. */
    readonly effective: Produce;
    readonly input: Produce;
    readonly output: Finish;
    readonly timeoutSeconds?: Measure;
    readonly heartbeatSeconds?: Measure;
    readonly roleArn?: (scope: Scope, data: Datum) => string;
  };
export type ParallelState = Flowing &
  Guarded & {
    readonly kind: "Parallel";
    readonly input: Produce;
    readonly output: Finish;
    readonly branches: readonly string[];
  };
export type MapState = Flowing &
  Guarded & {
    readonly kind: "Map";
    /** The items, already as ItemSelector makes them. */
    readonly items: (scope: Scope) => readonly Datum[];
    readonly output: Finish;
    readonly concurrency: (scope: Scope) => number;
    readonly startAt: string;
    readonly distributed?: DistributedMap;
  };

/** A Map in the mode DISTRIBUTED: its children are executions of their own. */
export type DistributedMap = {
  readonly language: "JSONPath" | "JSONata";
  readonly label: string;
  readonly executionType: MachineType;
  /** The items in the state's input; absent where an ItemReader brings them. */
  readonly dataSet?: (scope: Scope) => readonly RawItem[];
  readonly select?: (scope: Scope) => (item: MapItem) => Datum;
  readonly plan: (scope: Scope) => MapPlan;
};

/** The states that may have Retry and Catch. */
export type Guarded = { readonly retry: readonly Retrier[]; readonly catchers: readonly Catcher[] };
export type GuardedState = TaskState | ParallelState | MapState;

export type Retrier = {
  readonly errorEquals: readonly string[];
  readonly intervalSeconds: number;
  readonly maxAttempts: number;
  readonly backoffRate: number;
  readonly maxDelaySeconds?: number;
  readonly fullJitter: boolean;
};
export type Catcher = {
  readonly errorEquals: readonly string[];
  readonly next: string;
  readonly output: Finish;
  readonly assign?: Assign;
};

/** A Task's Resource, taken apart as the history writes it. */
export type Resource =
  | { readonly kind: "lambda"; readonly arn: string }
  | { readonly kind: "activity"; readonly arn: string }
  | {
      readonly kind: "service";
      readonly arn: string;
      /** `aws-sdk:s3`, `lambda` */ readonly type: string;
      /** `getObject`, `invoke.waitForTaskToken` */ readonly action: string;
    };

export function parseResource(arn: string): Resource {
  const [, , service = "", , , type = "", ...rest] = arn.split(":");
  if (service === "lambda") return { kind: "lambda", arn };
  if (service === "states" && type === "activity") return { kind: "activity", arn };
  if (type === "aws-sdk")
    return { kind: "service", arn, type: `aws-sdk:${rest[0] ?? ""}`, action: rest.slice(1).join(":") };
  return { kind: "service", arn, type, action: rest.join(":") };
}
