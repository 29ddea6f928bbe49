/** Definition text → compiled machine, or the diagnostics why not. */
import { buildState } from "./build.ts";
import { jsonata } from "./jsonata.ts";
import { jsonPath } from "./jsonpath.ts";
import { numberOf, type JsonObject } from "./json.ts";
import type { DistributedMap, Machine } from "./compiled.ts";
import type { Diagnostic, MachineType, TaskReference } from "./types.ts";
import { check } from "./validate/machine.ts";

export type { Machine };

/** A definition that AWS would refuse; `message` is CreateStateMachine's sentence. */
export class InvalidDefinition extends Error {
  override readonly name = "InvalidDefinition";
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    const texts = diagnostics.map(({ code, message, location }) =>
      // AWS prints `null` for the place of a finding that has none.
      code === "INVALID_JSON_DESCRIPTION" ? `${code}: ${message}` : `${code}: ${message} at ${location ?? "null"}`,
    );
    super(`Invalid State Machine Definition: '${texts.join(", ")}'`);
    this.diagnostics = diagnostics;
  }
}

/** Everything that ValidateStateMachineDefinition would say; errors first in the order of the text. */
export function validate(definition: string, type: MachineType): readonly Diagnostic[] {
  return check(definition, type).report.diagnostics;
}

/** Parses, checks and compiles a definition; throws InvalidDefinition. The result is immutable and may be cached. */
export function compile(definition: string, type: MachineType): Machine {
  const checked = check(definition, type);
  const errors = checked.report.diagnostics.filter(({ severity }) => severity === "ERROR");
  if (errors.length > 0) throw new InvalidDefinition(errors);
  const timeoutSeconds = numberOf(checked.definition["TimeoutSeconds"]);
  const processors = new Map<string, Machine>();
  const machine: Machine = {
    type,
    startAt: String(checked.definition["StartAt"]),
    states: new Map(
      checked.states.map(({ name, fields, language }) => [
        name,
        buildState(name, fields, language === "JSONata" ? jsonata : jsonPath),
      ]),
    ),
    processors,
    ...limitOf(type, timeoutSeconds),
    tasks: checked.states
      .filter(({ fields }) => fields["Type"] === "Task")
      .map(({ name, location, fields }) => ({
        stateName: name,
        resource: String(fields["Resource"]),
        location: `${location}/Resource`,
        ...writtenParameters(location, fields),
      })),
    variableReferences: Object.fromEntries(
      [...checked.report.variables].map(([name, variables]) => [name, [...variables]]),
    ),
  };
  for (const state of machine.states.values()) {
    if (state.kind === "Map" && state.distributed)
      processors.set(state.distributed.label, processorOf(machine, state.startAt, state.distributed));
  }
  return machine;
}

/** AWS ends an Express execution after five minutes. */
const EXPRESS_SECONDS = 300;

/** How long an execution may take. AWS takes 0 for a machine without limit. */
function limitOf(type: MachineType, timeoutSeconds: number | undefined): { readonly timeoutSeconds?: number } {
  const own = timeoutSeconds !== undefined && timeoutSeconds > 0 ? timeoutSeconds : Infinity;
  const seconds = type === "EXPRESS" ? Math.min(own, EXPRESS_SECONDS) : own;
  return seconds === Infinity ? {} : { timeoutSeconds: seconds };
}

/** The machine that the children of a Distributed Map run: the same states from another beginning. */
function processorOf(machine: Machine, startAt: string, { executionType }: DistributedMap): Machine {
  const { timeoutSeconds: _whole, ...shared } = machine;
  return { ...shared, type: executionType, startAt, ...limitOf(executionType, undefined) };
}

/** Where a Task says what its resource is to do. */
function writtenParameters(
  location: string,
  fields: JsonObject,
): Pick<TaskReference, "parameters" | "parametersLocation"> {
  const field = fields["Arguments"] === undefined ? "Parameters" : "Arguments";
  return { parameters: fields[field], parametersLocation: `${location}/${field}` };
}
