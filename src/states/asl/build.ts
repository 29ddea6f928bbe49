/** Turns the states of a valid definition into compiled states. */
import { buildDistributed } from "./distributed.ts";
import { isObject, numberOf, type JsonObject } from "./json.ts";
import type { QueryLanguage } from "./language.ts";
import { parseResource, type Assign, type Catcher, type Guarded, type Retrier, type State } from "./compiled.ts";

/** Compiles one state; `branches` and processors only need their StartAt, their states are compiled like all others. */
export function buildState(name: string, state: JsonObject, language: QueryLanguage): State {
  const next = state["Next"];
  const assign = language.assign(state, { in: "state" });
  const flowing = { name, ...(typeof next === "string" && { next }), ...(assign && { assign }) };
  switch (state["Type"]) {
    case "Pass": {
      const result = language.passResult(state);
      return {
        kind: "Pass",
        ...flowing,
        input: language.input(state),
        output: language.output(state),
        ...(result && { result }),
      };
    }
    case "Succeed": {
      const read = language.input(state);
      const finish = language.output(state);
      return { kind: "Succeed", name, output: (scope) => finish(scope, read(scope)) };
    }
    case "Fail": {
      const [error, cause] = [language.text(state, "Error"), language.text(state, "Cause")];
      return { kind: "Fail", name, ...(error && { error }), ...(cause && { cause }) };
    }
    case "Wait":
      return {
        kind: "Wait",
        ...flowing,
        input: language.input(state),
        output: language.output(state),
        until: language.until(state),
      };
    case "Choice":
      return buildChoice(state, flowing, language);
    case "Task":
      return buildTask(state, flowing, language);
    case "Parallel": {
      const branches = objects(state["Branches"]).map((branch) => String(branch["StartAt"]));
      return {
        kind: "Parallel",
        ...flowing,
        ...guards(state, language),
        input: language.input(state),
        output: language.output(state),
        branches,
      };
    }
    default: {
      const processor = state["ItemProcessor"] ?? state["Iterator"];
      const startAt = isObject(processor) ? String(processor["StartAt"]) : "";
      const distributed = buildDistributed(name, state, language);
      return {
        kind: "Map",
        ...flowing,
        ...guards(state, language),
        items: language.items(state),
        output: language.output(state),
        concurrency: language.concurrency(state),
        startAt,
        ...(distributed && { distributed }),
      };
    }
  }
}

type Flow = { readonly name: string; readonly next?: string; readonly assign?: Assign };

function buildChoice(state: JsonObject, flow: Flow, language: QueryLanguage): State {
  const otherwise = state["Default"];
  const rules = objects(state["Choices"]).map((rule, index) => {
    const assign = language.assign(rule, { in: "rule", index });
    const output = language.ruleOutput(rule, index);
    return {
      condition: language.condition(rule, index),
      next: String(rule["Next"]),
      ...(assign && { assign }),
      ...(output && { output }),
    };
  });
  return {
    kind: "Choice",
    ...flow,
    ...(typeof otherwise === "string" && { next: otherwise }),
    input: language.input(state),
    output: language.output(state),
    rules,
  };
}

function buildTask(state: JsonObject, flow: Flow, language: QueryLanguage): State {
  const timeoutSeconds = language.seconds(state, "TimeoutSeconds");
  const heartbeatSeconds = language.seconds(state, "HeartbeatSeconds");
  const roleArn = language.roleArn(state);
  return {
    kind: "Task",
    ...flow,
    ...guards(state, language),
    resource: parseResource(String(state["Resource"])),
    effective: language.effective(state),
    input: language.input(state),
    output: language.output(state),
    ...(timeoutSeconds && { timeoutSeconds }),
    ...(heartbeatSeconds && { heartbeatSeconds }),
    ...(roleArn && { roleArn }),
  };
}

function guards(state: JsonObject, language: QueryLanguage): Guarded {
  const catchers = objects(state["Catch"]).map((catcher, index): Catcher => {
    const assign = language.assign(catcher, { in: "catcher", index });
    const next = String(catcher["Next"]);
    return { errorEquals: names(catcher), next, output: language.caught(catcher, index), ...(assign && { assign }) };
  });
  return { retry: objects(state["Retry"]).map(buildRetrier), catchers };
}

function buildRetrier(retrier: JsonObject): Retrier {
  const maxDelaySeconds = numberOf(retrier["MaxDelaySeconds"]);
  return {
    errorEquals: names(retrier),
    intervalSeconds: numberOf(retrier["IntervalSeconds"]) ?? 1,
    maxAttempts: numberOf(retrier["MaxAttempts"]) ?? 3,
    backoffRate: numberOf(retrier["BackoffRate"]) ?? 2,
    ...(maxDelaySeconds !== undefined && { maxDelaySeconds }),
    fullJitter: retrier["JitterStrategy"] === "FULL",
  };
}

function names(fields: JsonObject): readonly string[] {
  const listed = fields["ErrorEquals"];
  return Array.isArray(listed) ? listed.map(String) : [];
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
