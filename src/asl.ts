/**
 * `stepwell/asl`: the Amazon States Language as a library, without the server.
 *
 *     import { parse, step, validate } from "stepwell/asl";
 *
 * A machine is parsed once. An execution is a value, the `run`: `step` takes it with a signal (what happened outside) and
 * gives the next run, the history events that came of it, and the effects (what must now happen outside). Nothing in
 * here waits, reads a clock, throws dice or keeps anything: time, chance and ids come in as `facts`, and a run is plain
 * JSON that can be stored between any two steps and carried on elsewhere. The same run, signal and facts always give the
 * same transition.
 *
 * What the caller does with the effects, and which signal answers them:
 *
 * | effect | to be done | signals |
 * |---|---|---|
 * | `task` | the work that the Task's Resource asks for | `taskSucceeded`, `taskFailed`; before that perhaps `taskStarted`, `taskSubmitted`, `heartbeat` |
 * | `timer` | wait until the time `at` | `timer` |
 * | `cancelTimer`, `cancelTask` | forget a timer, give up a task | none |
 * | `mapRun`, `cancelMapRun` | run the children of a Distributed Map, each an execution of its own | `mapRunSucceeded`, `mapRunFailed` |
 *
 * A transition that says `more` has paused within its budget of events: go on with the signal `continue`. The one that
 * ends the execution has `ended`. A signal that nobody waits for (any more) changes nothing and says `stale`.
 */
import { compile, InvalidDefinition, validate as diagnose, type Machine } from "./states/asl/machine.ts";
import { step as take } from "./states/asl/step.ts";
import type { Diagnostic, Facts, MachineType, Run, Signal, Transition } from "./states/asl/types.ts";

export { InvalidDefinition };
export type { Diagnostic, Facts, Machine, MachineType, Run, Signal, Transition };
export type { Effect, Ended, ExecutionStatus, HistoryEvent, TaskReference } from "./states/asl/types.ts";

/**
 * Parses, checks and compiles a definition in JSON. The machine is immutable and may be used for any number of
 * executions. Throws InvalidDefinition, whose `diagnostics` say what is wrong and where, and whose message is that of
 * CreateStateMachine. Resources are not looked at beyond their form: what a Task may ask for is the caller's to decide
 * (`machine.tasks` lists them).
 */
export function parse(definition: string, type: MachineType = "STANDARD"): Machine {
  return compile(definition, type);
}

/**
 * Everything that is wrong with a definition (severity ERROR: `parse` would throw) or looks wrong (WARNING), in the form
 * of ValidateStateMachineDefinition. Never throws.
 */
export function validate(definition: string, type: MachineType = "STANDARD"): readonly Diagnostic[] {
  return diagnose(definition, type);
}

/**
 * Carries an execution from one signal to the next. It begins with the run `null` and the signal `start`; all others take
 * the run of the transition before. The given run is not changed, and `step` throws for no input, answer or definition:
 * only for a first signal that is not `start`, or for a run of another machine.
 */
export function step(machine: Machine, run: Run | null, signal: Signal, facts: Facts): Transition {
  return take(machine, run, signal, facts);
}
