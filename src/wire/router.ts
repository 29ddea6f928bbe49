import type { HttpRequest } from "./http.ts";
import type { Operation } from "./shape.ts";

export type Labels = Readonly<Record<string, string>>;
/** `labels` are still percent-encoded. */
export type Route = { readonly operation: Operation; readonly labels: Labels };
type Candidate = {
  readonly operation: Operation;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  /** `?uploads`, `?list-type=2`: the template's own query. */
  readonly literals: readonly (readonly [name: string, value: string])[];
  /** Required members that travel in the query or a header. */
  readonly demands: readonly Demand[];
  readonly hint: string | undefined;
  readonly weight: number;
};
type Demand = { readonly query: string } | { readonly header: string };

/**
 * Finds a REST operation. All is derived from the model: method, template, the template's literal query, and the required
 * members that travel in the query or in headers. `PUT /{Key+}` is CopyObject when x-amz-copy-source is there, UploadPart
 * when partNumber and uploadId are, else PutObject. `x-id` is a hint that only some clients send; it breaks ties.
 */
export function restRouter(
  operations: Iterable<Operation>,
): (request: HttpRequest, path: string, query: Query) => Route | undefined {
  const byMethod = new Map<string, Candidate[]>();
  for (const operation of operations) {
    const method = operation.traits.http?.[0];
    if (method === undefined) continue;
    const candidates = byMethod.get(method) ?? [];
    candidates.push(candidateOf(operation));
    byMethod.set(method, candidates);
  }
  for (const candidates of byMethod.values()) {
    candidates.sort((a, b) => b.weight - a.weight || (a.operation.name < b.operation.name ? -1 : 1));
  }
  return (request, path, query) => {
    let best: { candidate: Candidate; match: RegExpExecArray } | undefined;
    let incomplete: { candidate: Candidate; match: RegExpExecArray } | undefined;
    for (const candidate of byMethod.get(request.method) ?? []) {
      if (best !== undefined && candidate.weight < best.candidate.weight) break;
      if (!candidate.literals.every(([name, value]) => (value === "" ? query.has(name) : query.get(name) === value)))
        continue;
      const match = candidate.pattern.exec(path);
      if (match === null) continue;
      const complete = candidate.demands.every((demand) =>
        "query" in demand ? query.has(demand.query) : request.headers[demand.header] !== undefined,
      );
      if (!complete) {
        // `?attributes` without its header is still GetObjectAttributes, and will be told what is missing.
        if (candidate.literals.length > 0) incomplete ??= { candidate, match };
      } else if (best === undefined || candidate.hint === query.get("x-id")) best = { candidate, match };
    }
    const chosen =
      incomplete !== undefined && incomplete.candidate.literals.length > (best?.candidate.literals.length ?? 0)
        ? incomplete
        : (best ?? incomplete);
    if (chosen === undefined) return undefined;
    const { candidate, match } = chosen;
    return {
      operation: candidate.operation,
      labels: Object.fromEntries(candidate.names.map((name, at) => [name, match[at + 1] ?? ""])),
    };
  };
}

/** The request's query, decoded; of a name that comes twice, the first. */
export type Query = { has(name: string): boolean; get(name: string): string | undefined };

function candidateOf(operation: Operation): Candidate {
  const [template = "", search = ""] = (operation.traits.http?.[1] ?? "").split("?");
  const names: string[] = [];
  const pattern = template
    .replaceAll(/[.*^$()|[\]\\]/g, "\\$&")
    .replaceAll(/\{([^{}+]+)(\+)?\}/g, (_, name: string, greedy?: string) => {
      names.push(name);
      return greedy === undefined ? "([^/]+)" : "([^]+)";
    });
  const query = [...new URLSearchParams(search)];
  const literals = query.filter(([name]) => name !== "x-id");
  const demands = demandsOf(operation);
  const words = template.split("/").filter((segment) => segment !== "" && !segment.includes("{")).length;
  return {
    operation,
    pattern: new RegExp(`^${pattern.replace(/\/$/, "")}/?$`),
    names,
    literals,
    demands,
    hint: query.find(([name]) => name === "x-id")?.[1] ?? operation.name,
    weight: words * 100 + literals.length * 10 + demands.length * 2 + (template.includes("+}") ? 0 : 1),
  };
}

function demandsOf(operation: Operation): Demand[] {
  const demands: Demand[] = [];
  for (const { required, traits } of operation.input.members) {
    if (!required) continue;
    if (traits.httpQuery !== undefined) demands.push({ query: traits.httpQuery });
    else if (traits.httpHeader !== undefined) demands.push({ header: traits.httpHeader.toLowerCase() });
  }
  return demands;
}
