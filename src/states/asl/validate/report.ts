/** Collects what is wrong with a definition. */
import type { Diagnostic } from "../types.ts";

export class Report {
  readonly diagnostics: Diagnostic[] = [];
  /** State name to the variables that its fields read. */
  readonly variables = new Map<string, Set<string>>();

  /** The common kind of error. */
  schema(message: string, location: string): void {
    this.error("SCHEMA_VALIDATION_FAILED", message, location);
  }
  error(code: string, message: string, location?: string): void {
    this.diagnostics.push({ severity: "ERROR", code, message, ...(location !== undefined && { location }) });
  }
  warning(code: string, message: string, location: string): void {
    this.diagnostics.push({ severity: "WARNING", code, message, location });
  }
  reads(stateName: string, variable: string): void {
    const names = this.variables.get(stateName);
    if (names === undefined) this.variables.set(stateName, new Set([variable]));
    else names.add(variable);
  }
}
