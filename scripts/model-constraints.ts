/** What botocore's service models say of a shape, as far as it is read here. */
export type Botocore = {
  readonly metadata: Readonly<{ signingName?: string; endpointPrefix: string; xmlNamespace?: string }>;
  readonly operations: Readonly<Record<string, { readonly errors?: readonly { readonly shape: string }[] }>>;
  readonly shapes: Readonly<Record<string, BotocoreShape>>;
};
type BotocoreShape = Readonly<{
  type: string;
  min?: number;
  max?: number;
  pattern?: string;
  enum?: readonly string[];
  members?: Readonly<Record<string, { readonly shape: string }>>;
  member?: { readonly shape: string };
  key?: { readonly shape: string };
  value?: { readonly shape: string };
}>;

/** `n` least, `x` most (length or value), `p` pattern, `q` what is matched instead, `e` enum; `i` of a list's items, `k` and `v` of a map. */
export type Constraint = {
  readonly n?: number;
  readonly x?: number;
  readonly p?: string;
  readonly q?: string;
  readonly e?: readonly string[];
  readonly i?: Constraint;
  readonly k?: Constraint;
  readonly v?: Constraint;
};
/** `t` says what kind of number a member is; it becomes its scalar. */
export type ByHand = Readonly<Record<string, Constraint & { readonly t?: "integer" | "long" }>>;
type Row = unknown[];
type Sources = {
  readonly byHand: ByHand;
  readonly enums: ReadonlyMap<string, readonly string[]>;
};

/**
 * Gives every structure that an input or an output reaches a sixth column, `{member: index into constraints}`, and
 * turns numbers of inputs that are integers into scalar 3 (integer) and 8 (long), which the client's schemas do not
 * tell from doubles. What outputs must satisfy is asked of mocked results only.
 */
export function constraintJoin(
  shapes: Record<string, Row>,
  { inputs, outputs }: { readonly inputs: readonly unknown[]; readonly outputs: readonly unknown[] },
  botocore: Botocore,
  sources: Sources,
): { constraints: readonly Constraint[]; summary: string } {
  const table = new Map<string, number>();
  const constraints: Constraint[] = [];
  const indexOf = (constraint: Constraint): number => {
    const text = JSON.stringify(constraint);
    let index = table.get(text);
    if (index === undefined) {
      table.set(text, (index = constraints.length));
      constraints.push(constraint);
    }
    return index;
  };
  const used = new Set<string>();
  let members = 0;
  let joined = 0;
  const given = new Set(reachable(shapes, inputs));
  const answered = reachable(shapes, outputs).filter((name) => !given.has(name));
  for (const name of [...given, ...answered]) {
    const row = shapes[name];
    const isInput = given.has(name);
    if (row === undefined || (row[0] !== 3 && row[0] !== 4)) continue;
    const own: Record<string, number> = {};
    const names = row[2] as readonly string[];
    const references = row[3] as unknown[];
    for (const [at, member] of names.entries()) {
      const path = `${name}.${member}`;
      const shape = botocore.shapes[name]?.members?.[member]?.shape;
      if (isInput) members++;
      if (isInput && shape !== undefined) {
        joined++;
        references[at] = asInteger(references[at], botocore.shapes[shape]?.type);
      }
      const { t: type, ...said } = sources.byHand[path] ?? {};
      if (path in sources.byHand) used.add(path);
      if (type !== undefined) references[at] = asInteger(references[at], type);
      const constraint = tidy({
        ...withEnum(
          shape === undefined ? {} : constraintOf(shape, botocore),
          sources.enums.get(path),
          references[at],
          shapes,
        ),
        ...said,
      });
      if (constraint !== undefined) own[member] = indexOf(constraint);
    }
    if (Object.keys(own).length > 0) row[5] = own;
  }
  const unused = Object.keys(sources.byHand).filter((path) => !used.has(path));
  if (unused.length > 0) throw new Error(`scripts/constraints.json names no member of an input: ${unused.join(", ")}`);
  return { constraints, summary: `${joined} of ${members} input members known to botocore` };
}

function reachable(shapes: Readonly<Record<string, Row>>, inputs: readonly unknown[]): readonly string[] {
  const found = new Set<string>();
  const visit = (reference: unknown): void => {
    if (Array.isArray(reference)) return visit(reference[0]);
    if (typeof reference !== "string" || found.has(reference)) return;
    const row = shapes[reference];
    if (row === undefined) return;
    found.add(reference);
    for (const each of row[0] === 3 || row[0] === 4 ? (row[3] as unknown[]) : row.slice(2)) visit(each);
  };
  inputs.forEach(visit);
  return [...found].toSorted((a, b) => (a < b ? -1 : 1));
}

function asInteger(reference: unknown, type: string | undefined): unknown {
  if (Array.isArray(reference)) return [asInteger(reference[0], type), reference[1]];
  if (reference !== 1) return reference;
  return type === "integer" ? 3 : type === "long" ? 8 : 1;
}

/** Structures end the walk: they bring their own constraints. */
function constraintOf(name: string, botocore: Botocore, depth = 0): Constraint {
  const shape = botocore.shapes[name];
  if (shape === undefined || shape.type === "structure" || depth > 4) return {};
  const inner = (each: { readonly shape: string } | undefined): Constraint | undefined =>
    each && tidy(constraintOf(each.shape, botocore, depth + 1));
  // botocore fills in a least length of 0 nowhere, but AWS's sentences quote it; what is not declared is not quoted.
  const parts: Record<string, unknown> = {
    n: shape.min,
    x: shape.max,
    p: shape.pattern === undefined || !compiles(shape.pattern) ? undefined : shape.pattern,
    q: LINEAR.get(shape.pattern ?? ""),
    e: shape.enum,
    i: inner(shape.member),
    k: inner(shape.key),
    v: inner(shape.value),
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
}

/** The declarations are newer than botocore's enums, so they win; where they say `string` AWS has dropped the enum. */
function withEnum(
  constraint: Constraint,
  values: readonly string[] | undefined,
  reference: unknown,
  shapes: Readonly<Record<string, Row>>,
): Constraint {
  const bare: unknown = Array.isArray(reference) ? reference[0] : reference;
  const kind =
    typeof bare === "number"
      ? bare >= 128
        ? 2
        : bare >= 64
          ? 1
          : 0
      : typeof bare === "string"
        ? shapes[bare]?.[0]
        : 0;
  const place = kind === 1 ? "i" : kind === 2 ? "v" : undefined;
  const put = (each: Constraint | undefined): Constraint => {
    const { e: _, ...rest } = each ?? {};
    return values === undefined ? rest : { ...rest, e: values };
  };
  if (place === undefined) return put(constraint);
  const { e: _, ...keys } = constraint.k ?? {};
  return { ...constraint, k: tidy(keys), [place]: tidy(put(constraint[place])) } as Constraint;
}

function tidy(constraint: Constraint): Constraint | undefined {
  const kept = Object.entries(constraint).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as Constraint);
}

/** Patterns that take exponential or quadratic time to fail, and ones that match the same and do not. */
const LINEAR: ReadonlyMap<string, string> = new Map([
  ["^[ \\t]*[\\x20-\\x7E]+([ \\t]+[\\x20-\\x7E]+)*[ \\t]*$", "\\t*[\\x20-\\x7E][\\t\\x20-\\x7E]*"],
  [
    "^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$",
    "\\t*[^\\x00-\\x1F:\\x7F](?:\\t|[^\\x00-\\x1F:\\x7F])*",
  ],
  [".*\\S.*", "[^\\S\\n\\r\\u2028\\u2029]*\\S.*"],
]);

/** The patterns are Java's; a few use what JavaScript has not. Those are left out. */
function compiles(pattern: string): boolean {
  for (const flags of ["u", ""]) {
    try {
      RegExp(`^(?:${pattern})$`, flags);
      return true;
    } catch {
      // Tried with the other flags, then given up.
    }
  }
  return false;
}
