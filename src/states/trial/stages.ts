/** A state's data on its way through the state's fields, noted stage by stage as TestState shows it. */
import type { InspectionData } from "@aws-sdk/client-sfn";
import { Datum, type JsonObject } from "../asl/json.ts";
import type { Scope } from "../asl/scope.ts";
import type { Subject } from "./subject.ts";

export type Seen = { -readonly [member in keyof InspectionData]: InspectionData[member] };

/** What the state works on: InputPath, then Parameters; or Arguments. */
export function dataIn(subject: Subject, scope: Scope, seen: Seen): Datum {
  const { language, fields, state } = subject;
  if (language.name === "JSONata") {
    const given = language.input(fields)(scope);
    // A Parallel's Arguments are not shown.
    if (state.kind === "Task") seen.afterArguments = given.text;
    return given;
  }
  const effective = language.effective(fields)(scope);
  // Nor are a Parallel's InputPath and Parameters.
  const shown = state.kind !== "Parallel";
  if (shown) seen.afterInputPath = effective.text;
  if (state.kind !== "Pass" && state.kind !== "Task" && state.kind !== "Parallel") return effective;
  const given = templated(subject, "Parameters", scope, effective);
  if (shown) seen.afterParameters = given.text;
  return given;
}

/** What becomes of a result: ResultSelector, ResultPath, OutputPath; or Output. */
export function dataOut({ language, fields, state }: Subject, scope: Scope, result: Datum, seen: Seen): Datum {
  if (language.name === "JSONata") return language.output(fields)(scope, result);
  const { ResultPath, OutputPath } = fields;
  if (state.kind === "Choice" || state.kind === "Wait" || state.kind === "Succeed")
    return language.output(fields)(scope, result);
  const selected = templated({ language, fields }, "ResultSelector", scope, result);
  seen.afterResultSelector = selected.text;
  const placed = language.output(only("ResultPath", ResultPath))(scope, selected);
  seen.afterResultPath = placed.text;
  return language.output(only("OutputPath", OutputPath))(scope, placed);
}

function templated(
  { language, fields }: Pick<Subject, "language" | "fields">,
  field: string,
  scope: Scope,
  data: Datum,
): Datum {
  const evaluate = fields[field] === undefined ? undefined : language.value(fields, field);
  return evaluate === undefined ? data : Datum.of(evaluate(scope, data));
}

function only(field: string, value: unknown): JsonObject {
  return value === undefined ? {} : { [field]: value };
}
