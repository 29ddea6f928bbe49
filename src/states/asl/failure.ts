/** How a state fails: an error name, a cause, and whether the interpreter itself says so. */
export type Failure = {
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
  /** A second name under which it is caught: an expired heartbeat is reported as States.Timeout. */
  readonly alias?: string;
  /** The interpreter itself cannot go on: the execution ends at once, whatever stands around the state. */
  readonly terminal?: true;
};

/** Thrown by the evaluation of a state's fields; the interpreter adds which state it was. */
export class StateFailure extends Error {
  override readonly name = "StateFailure";
  readonly error: string;
  constructor(error: string, cause: string) {
    super(cause);
    this.error = error;
  }
}

/** A failed evaluation in JSONata, which the history tells in an event of its own. */
export class QueryFailure extends StateFailure {
  /** The field, as `Output/v`; absent where the state's input is at fault. */
  readonly location: string | undefined;
  /** `late`: the expression gave a value, and the state could not use it. */
  readonly when: "early" | "late";
  constructor(cause: string, location?: string, when: "early" | "late" = "early") {
    super("States.QueryEvaluationError", cause);
    this.location = location;
    this.when = when;
  }
}

/** A bad path, a wrong type under a …Path field, a failed intrinsic: States.Runtime, which nothing catches. */
export function runtime(cause: string): StateFailure {
  return new StateFailure("States.Runtime", cause);
}

/** Whether a retrier or catcher that lists these names takes the failure. */
export function matches(errorEquals: readonly string[], failure: Failure): boolean {
  const name = failure.error;
  if (name === "States.Runtime") return false;
  return errorEquals.some(
    (listed) =>
      listed === "States.ALL" ||
      (name !== undefined && listed === name) ||
      (failure.alias !== undefined && listed === failure.alias) ||
      (listed === "States.TaskFailed" && name !== "States.Timeout"),
  );
}
