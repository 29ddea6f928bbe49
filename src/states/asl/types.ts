/**
 * The Amazon States Language as a pure function, seen from outside:
 *
 *     const machine = compile(definition, "STANDARD");                 // machine.ts; once, cacheable, throws InvalidDefinition
 *     let { run, events, effects, ended, more } = step(machine, null, { kind: "start", … }, facts);   // step.ts
 *     …store run and events, do the effects, and for every answer:
 *     ({ run, … } = step(machine, run, signal, facts));
 *
 * No clock, no store, no promise, no chance inside: they come in as `Facts`.
 */
import type { HistoryEvent } from "../../flow.ts";

export type { HistoryEvent };

export type MachineType = "STANDARD" | "EXPRESS";

/** One finding about a definition, in the shape of ValidateStateMachineDefinition. */
export type Diagnostic = {
  readonly severity: "ERROR" | "WARNING";
  readonly code: string;
  readonly message: string;
  /** `/States/X/Resource`; absent when the text is not JSON. */
  readonly location?: string;
};

/** A Task of the machine, wherever it stands, so that the caller can refuse resources that it does not serve. */
export type TaskReference = {
  readonly stateName: string;
  /** The ARN as written. */
  readonly resource: string;
  /** `/States/X/Resource` */
  readonly location: string;
  /** What Parameters or Arguments say, as written. */
  readonly parameters?: unknown;
  /** `/States/X/Parameters` */
  readonly parametersLocation?: string;
};

/** What happened outside. `start` is the first signal and the only one that takes no run. */
export type Signal =
  | {
      readonly kind: "start";
      /** JSON text. The caller has checked that it is JSON and not too large. */
      readonly input: string;
      readonly execution: {
        /** The execution's ARN. */
        readonly id: string;
        readonly name: string;
        readonly roleArn: string;
        /** Milliseconds. */
        readonly startTime: number;
        readonly redriveCount?: number;
      };
      readonly stateMachine: { readonly id: string; readonly name: string };
      /** Written into ExecutionStarted where the execution was started through them. */
      readonly stateMachineVersionArn?: string;
      readonly stateMachineAliasArn?: string;
    }
  /** Goes on where the last transition said `more`. */
  | { readonly kind: "continue" }
  /** Optional: a task that ends without it gets its Started event then. `workerName` belongs to activities. */
  | { readonly kind: "taskStarted"; readonly token: string; readonly workerName?: string }
  /** `.sync` and `.waitForTaskToken`: the service accepted the request; output is its answer. */
  | { readonly kind: "taskSubmitted"; readonly token: string; readonly output: string }
  | { readonly kind: "heartbeat"; readonly token: string }
  | { readonly kind: "taskSucceeded"; readonly token: string; readonly output: string }
  | {
      readonly kind: "taskFailed";
      readonly token: string;
      readonly error?: string;
      readonly cause?: string;
      /** Which event says so. Default `Failed`; `TaskStartFailed`, `TaskSubmitFailed`, `LambdaFunctionScheduleFailed`, `ActivityScheduleFailed`, … */
      readonly phase?: "Failed" | "StartFailed" | "SubmitFailed" | "ScheduleFailed";
    }
  /** A timer effect fell due. Signals of timers that were replaced or cancelled do no harm. */
  | { readonly kind: "timer"; readonly id: string }
  /** A Distributed Map's run has ended. */
  | {
      readonly kind: "mapRunSucceeded";
      readonly mapRunArn: string;
      /** Absent if it is too large. */ readonly output?: string;
    }
  | { readonly kind: "mapRunFailed"; readonly mapRunArn: string; readonly error: string; readonly cause: string }
  | { readonly kind: "stop"; readonly error?: string; readonly cause?: string }
  /** The one signal that an ended run takes, unless it has succeeded: it goes on where it stopped. */
  | { readonly kind: "redrive" };

/** Time, chance and identity, as arguments. */
export type Facts = {
  /** Milliseconds. */
  readonly now: number;
  /** 0 ≤ x < 1: jitter, States.MathRandom without seed. */
  readonly random: () => number;
  readonly uuid: () => string;
  /**
   * The token of a task about to be scheduled (`$$.Task.Token`, Effect.token); must be unique within the execution.
   * Default: `uuid()`.
   */
  readonly token?: (task: {
    readonly stateName: string;
    readonly scheduledEventId: number;
    /** The ARN as written. */
    readonly resource: string;
  }) => string;
  /** After about this many events the step pauses with `more`. Default 1,000. */
  readonly eventBudget?: number;
};

/** What the caller must do. Effects are to be carried out only after the run is durable. */
export type Effect =
  | {
      readonly kind: "task";
      readonly token: string;
      readonly stateName: string;
      /** The ARN as written: `arn:aws:states:::aws-sdk:s3:getObject`, `arn:aws:lambda:…`, `arn:aws:states:…:activity:…`. */
      readonly resource: string;
      /** JSON text: what Parameters made of the input. */
      readonly parameters: string;
      readonly scheduledEventId: number;
      readonly timeoutSeconds?: number;
      readonly heartbeatSeconds?: number;
      /** Credentials.RoleArn: assume it for this task. */
      readonly roleArn?: string;
      /** How often this state was retried before. */
      readonly retryCount: number;
    }
  /** Send `{kind: "timer", id}` at this time. A timer with the same id as an earlier one replaces it. */
  | { readonly kind: "timer"; readonly id: string; /** Milliseconds. */ readonly at: number }
  /** Run the children of a Distributed Map, and signal how that ended. */
  | {
      readonly kind: "mapRun";
      readonly mapRunArn: string;
      readonly stateName: string;
      readonly plan: MapPlan;
      /** How many items the state's input holds; absent where an ItemReader brings them. */
      readonly length?: number;
      readonly scope: StoredScope;
    }
  /** The execution is over, or does not wait for the run any more. */
  | { readonly kind: "cancelMapRun"; readonly mapRunArn: string }
  /** The ended run goes on with its children that did not succeed. */
  | { readonly kind: "redriveMapRun"; readonly mapRunArn: string }
  /** The timer is not needed any more (sending its signal all the same does no harm). */
  | { readonly kind: "cancelTimer"; readonly id: string }
  /** The task's answer is not needed any more: stop it if it can be stopped. Its token is now unknown to the run. */
  | {
      readonly kind: "cancelTask";
      readonly token: string;
      readonly stateName: string;
      readonly resource: string;
      readonly scheduledEventId: number;
    };

/** What the fields of a Distributed Map came to when the state was entered. */
export type MapPlan = {
  readonly label: string;
  readonly executionType: MachineType;
  /** 0 means as many as there may be. */
  readonly maxConcurrency: number;
  readonly toleratedFailureCount?: number;
  readonly toleratedFailurePercentage?: number;
  readonly reader?: ReaderPlan;
  readonly batcher?: { readonly maxItems?: number; readonly maxBytes?: number; readonly input?: unknown };
  readonly writer?: WriterPlan;
};
export type ReaderPlan = {
  readonly resource: string;
  readonly parameters: unknown;
  readonly inputType?: string;
  readonly transformation?: string;
  readonly manifestType?: string;
  readonly delimiter?: string;
  /** GIVEN headers. */
  readonly headers?: readonly string[];
  readonly itemsPointer?: string;
  readonly maxItems?: number;
};
export type WriterPlan = {
  /** Absent: nothing is exported, only the form of the output is set. */
  readonly parameters?: unknown;
  readonly transformation?: string;
  readonly outputType?: string;
};
/** What a state's fields saw at its entry, to be seen again later: JSON texts. */
export type StoredScope = {
  readonly stateName: string;
  readonly input: string;
  readonly context: string;
  readonly variables: { readonly [name: string]: string };
};

export type ExecutionStatus = "SUCCEEDED" | "FAILED" | "ABORTED" | "TIMED_OUT";

export type Ended = {
  readonly status: ExecutionStatus;
  /** JSON text. */
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
};

export type Transition = {
  /** The whole state of the execution: plain JSON, to be stored and given to the next step. */
  readonly run: Run;
  /** New events only; ids go on from the last step, timestamps are `facts.now`. */
  readonly events: readonly HistoryEvent[];
  readonly effects: readonly Effect[];
  /** Set once, by the step that ends the execution. Everything outstanding is void from then on. */
  readonly ended?: Ended;
  /** True if the step paused within its budget: call again with `{kind: "continue"}`, perhaps in another transaction. */
  readonly more?: true;
  /**
   * True if the signal spoke of a task or timer that the run does not (any more) wait for, or if the run had ended:
   * nothing has changed. For a token that means TaskTimedOut or TaskDoesNotExist.
   */
  readonly stale?: true;
};

/** The snapshot of an execution. Only the interpreter reads below `status`. */
export type Run = {
  readonly status: "RUNNING" | ExecutionStatus;
  readonly execution: {
    readonly id: string;
    readonly name: string;
    readonly roleArn: string;
    readonly startTime: number;
    readonly redriveCount: number;
    readonly input: string;
  };
  readonly stateMachine: { readonly id: string; readonly name: string };
  /** The id of the last event; the next one gets this plus one. */
  readonly lastEventId: number;
  readonly root: Thread;
  /** When the machine's TimeoutSeconds ends, in milliseconds. */
  readonly deadline?: number;
};

/** A sequence of states under way: the execution itself, a branch of a Parallel, an iteration of a Map. */
export type Thread = {
  /** The name of the current state. */
  state: string;
  /** The current state's input, JSON text. */
  input: string;
  /** The id of the current state's Entered event; 0 before it was entered. */
  enteredId: number;
  /** Milliseconds. */
  enteredTime: number;
  /** The last event of this thread: what the next one points at. */
  lastId: number;
  /** One counter for each retrier, and their sum; absent before the first retry. */
  retries?: number[];
  retryCount?: number;
  /** Variables of this scope, JSON texts. */
  variables?: { [name: string]: string };
  /** What the thread waits for; absent while it can go on at once. */
  work?: Work;
  /** Of a Parallel or Map that failed: what it had come to, for a redrive. */
  failed?: Work;
};

export type Work =
  | { readonly kind: "wait"; readonly timer: string; readonly at: number }
  | { readonly kind: "retry"; readonly timer: string; readonly at: number }
  | {
      readonly kind: "task";
      readonly token: string;
      readonly scheduledId: number;
      readonly resource: string;
      started?: boolean;
      timeoutAt?: number;
      heartbeatAt?: number;
      readonly timeoutSeconds?: number;
      readonly heartbeatSeconds?: number;
    }
  | {
      readonly kind: "mapRun";
      readonly mapRunArn: string;
      /** How often it was redriven. */ readonly redriveCount?: number;
    }
  /** `threads[i]` is branch i until it has ended; `results[i]` is its output's JSON text then. */
  | {
      readonly kind: "parallel";
      readonly threads: (Thread | null)[];
      readonly results: (string | null)[];
      open: number;
    }
  | {
      readonly kind: "map";
      /** The items as JSON texts, already as ItemSelector made them, null when started. */
      readonly items: (string | null)[];
      readonly threads: { [index: string]: Thread };
      readonly results: (string | null)[];
      readonly concurrency: number;
      /** The next item to start. */
      next: number;
      open: number;
    };
