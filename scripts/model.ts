/**
 * Writes model/<name>.json: the operations, shapes and traits of one AWS service each, flattened from the run-time
 * schemas of its @aws-sdk client, with what those schemas leave out joined by `Structure.member`:
 *
 *   enum values   from the client's type declarations
 *   the rest      lengths, ranges, patterns, integer or double, errors per operation: from botocore's service models
 *                 (`apt-get install python3-botocore`), and from scripts/constraints.json for members that are newer
 *
 * `node scripts/model.ts` writes, `node scripts/model.ts --check` fails if model/ is not what it would write.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { constraintJoin, type Botocore, type ByHand } from "./model-constraints.ts";
import { enumsOf } from "./model-enums.ts";

type Source = {
  readonly model: string;
  readonly client: string;
  readonly botocore: string;
  readonly version: string;
  /** Protocols beside the client's own. */
  readonly also?: readonly string[];
};
const SOURCES: readonly Source[] = [
  { model: "s3", client: "s3", botocore: "s3", version: "2006-03-01" },
  { model: "cloudtrail", client: "cloudtrail", botocore: "cloudtrail", version: "2013-11-01" },
  { model: "eventbridge", client: "eventbridge", botocore: "events", version: "2015-10-07" },
  { model: "scheduler", client: "scheduler", botocore: "scheduler", version: "2021-06-30" },
  // Newer clients may speak CBOR to Step Functions; the client's default is JSON.
  { model: "sfn", client: "sfn", botocore: "stepfunctions", version: "2016-11-23", also: ["rpcv2Cbor"] },
  { model: "iam", client: "iam", botocore: "iam", version: "2010-05-08" },
  { model: "sts", client: "sts", botocore: "sts", version: "2011-06-15" },
  { model: "lambda", client: "lambda", botocore: "lambda", version: "2015-03-31" },
  { model: "logs", client: "cloudwatch-logs", botocore: "logs", version: "2014-03-28" },
  // Clients of before 2023 speak the query protocol to SQS.
  { model: "sqs", client: "sqs", botocore: "sqs", version: "2012-11-05", also: ["awsQuery"] },
  { model: "sns", client: "sns", botocore: "sns", version: "2010-03-31" },
  { model: "rekognition", client: "rekognition", botocore: "rekognition", version: "2016-06-27" },
  { model: "ssm", client: "ssm", botocore: "ssm", version: "2014-11-06" },
  { model: "cloudformation", client: "cloudformation", botocore: "cloudformation", version: "2010-05-15" },
  { model: "dynamodb", client: "dynamodb", botocore: "dynamodb", version: "2012-08-10" },
];

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, "..");
const byHand = JSON.parse(readFileSync(join(import.meta.dirname, "constraints.json"), "utf8")) as Record<
  string,
  ByHand
>;

const PROTOCOLS: Readonly<Record<string, string>> = {
  awsJson1_0: "awsJson1_0",
  awsJson1_1: "awsJson1_1",
  awsQuery: "awsQuery",
  restJson1: "restJson1",
  restXml: "restXml",
};

if (process.argv.includes("--check")) check();
else write();

function write(): void {
  mkdirSync(join(root, "model"), { recursive: true });
  let total = 0;
  for (const source of SOURCES) {
    const { text, summary } = generate(source);
    writeFileSync(join(root, "model", `${source.model}.json`), text);
    total += text.length;
    console.log(`${source.model.padEnd(15)} ${summary}`);
  }
  console.log(`${SOURCES.length} services, ${Math.round(total / 1024)} KB`);
}

function check(): void {
  const wanted = new Set(SOURCES.map((source) => `${source.model}.json`));
  const differences = readdirSync(join(root, "model"))
    .filter((name) => name.endsWith(".json") && !wanted.has(name))
    .map((name) => `model/${name} belongs to no service in scripts/model.ts`);
  for (const source of SOURCES) {
    const { text } = generate(source);
    const difference = compare(`model/${source.model}.json`, text);
    if (difference !== undefined) differences.push(difference);
  }
  if (differences.length === 0)
    return console.log(`model/ is what scripts/model.ts writes (${SOURCES.length} services)`);
  console.error(
    `model/ is not what scripts/model.ts writes; run \`node scripts/model.ts\`:\n${differences.join("\n")}`,
  );
  process.exitCode = 1;
}

function compare(path: string, text: string): string | undefined {
  let present: string;
  try {
    present = readFileSync(join(root, path), "utf8");
  } catch {
    return `${path} is missing`;
  }
  if (present === text) return undefined;
  const before = new Set(present.split("\n"));
  const after = new Set(text.split("\n"));
  const gone = [...before].filter((line) => !after.has(line));
  const come = [...after].filter((line) => !before.has(line));
  const show = (sign: string, lines: readonly string[]): string[] =>
    lines.slice(0, 5).map((line) => `  ${sign} ${line.slice(0, 160)}`);
  return [`${path}: ${gone.length} lines gone, ${come.length} new`, ...show("-", gone), ...show("+", come)].join("\n");
}

type Row = readonly unknown[];

function generate(source: Source): { text: string; summary: string } {
  const sdk = require(`@aws-sdk/client-${source.client}`) as Record<string, unknown>;
  const botocore = readBotocore(source);
  const shapes: Record<string, unknown[]> = {};
  const reference = referenceWriter(shapes);
  const rows = Object.values(sdk).filter((value): value is Row => Array.isArray(value));
  const operations: Record<string, unknown> = {};
  for (const row of rows.filter((each) => each[0] === 9).toSorted((a, b) => (String(a[2]) < String(b[2]) ? -1 : 1))) {
    const name = String(row[2]);
    const errors = (botocore.operations[name]?.errors ?? []).map((error) => error.shape);
    operations[name] = [row[3], reference(row[4]), reference(row[5]), errors];
  }
  const errors = rows
    .filter((row) => row[0] === -3 && !String(row[1]).startsWith("smithy.ts"))
    .map((row) => String(reference(row)))
    .toSorted((a, b) => (a < b ? -1 : 1));
  const inputs = Object.values(operations).map((operation) => (operation as Row)[1]);
  const outputs = Object.values(operations).map((operation) => (operation as Row)[2]);
  const join = constraintJoin(shapes, { inputs, outputs }, botocore, {
    byHand: byHand[source.model] ?? {},
    enums: enumsOf(dirname(require.resolve(`@aws-sdk/client-${source.client}/package.json`)), sdk),
  });
  const model = {
    service: serviceOf(source, sdk, botocore),
    operations,
    errors,
    constraints: join.constraints,
    shapes,
  };
  const summary = `${Object.keys(operations).length} operations, ${Object.keys(shapes).length} shapes, ${join.summary}`;
  return { text: lines(model), summary };
}

/** References between shapes: a scalar's number, the name of a shape, or either with the slot's own traits. */
function referenceWriter(shapes: Record<string, unknown[]>): (raw: unknown) => unknown {
  const reference = (raw: unknown): unknown => {
    if (typeof raw === "function") return reference(raw());
    if (!Array.isArray(raw)) return raw;
    if (raw.length === 2) return [reference(raw[0]), raw[1]];
    const [kind, , name, traits, ...rest] = raw as [number, string, string, unknown, ...unknown[]];
    if (!(name in shapes)) {
      const row: unknown[] = (shapes[name] = []); // before its members: shapes may be recursive
      if (kind === 3 || kind === 4 || kind === -3) {
        row.push(kind, traits, rest[0], (rest[1] as unknown[]).map(reference), rest[2] ?? 0);
      } else row.push(kind, traits, ...rest.map(reference));
    }
    return name;
  };
  return reference;
}

function serviceOf(source: Source, sdk: Record<string, unknown>, botocore: Botocore): Record<string, unknown> {
  const Client = Object.entries(sdk).find(([name]) => name.endsWith("Client") && !name.startsWith("__"))?.[1] as new (
    options: object,
  ) => { config: { serviceId: string; protocol: { getShapeId(): string }; protocolSettings: Record<string, unknown> } };
  const { config } = new Client({
    region: "us-east-1",
    credentials: { accessKeyId: "unused", secretAccessKey: "unused" },
  });
  const settings = config.protocolSettings;
  const protocol = PROTOCOLS[config.protocol.getShapeId().replace("aws.protocols#", "")];
  if (protocol === undefined)
    throw new Error(`${source.model} speaks ${config.protocol.getShapeId()}, which is not known`);
  return {
    name: source.model,
    serviceId: config.serviceId,
    version: settings["version"],
    signingName: botocore.metadata.signingName ?? botocore.metadata.endpointPrefix,
    namespace: settings["defaultNamespace"],
    target: settings["serviceTarget"],
    // The query protocol's namespace of SQS is only in botocore: the client has left that protocol.
    xmlNamespace: botocore.metadata.xmlNamespace ?? settings["xmlNamespace"] ?? "",
    protocols: [protocol, ...(source.also ?? [])],
    queryCompatible: settings["awsQueryCompatible"] === true,
  };
}

function readBotocore(source: Source): Botocore {
  const places = ["/usr/lib/python3/dist-packages/botocore/data", process.env["BOTOCORE_DATA"] ?? ""].filter(Boolean);
  for (const place of places.toReversed()) {
    const path = join(place, source.botocore, source.version, "service-2.json");
    for (const read of [() => readFileSync(path), () => gunzipSync(readFileSync(`${path}.gz`))]) {
      try {
        return JSON.parse(read().toString()) as Botocore;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
  }
  console.error(
    `botocore's model of ${source.botocore} was not found in ${places.join(", ")}.\nInstall it (apt-get install python3-botocore), or say where its data folder is (BOTOCORE_DATA).`,
  );
  process.exit(1);
}

/** One operation, constraint or shape a line, so that a change of AWS's reads well in a diff. */
function lines(model: Readonly<Record<string, unknown>>): string {
  const section = (value: unknown): string => {
    if (Array.isArray(value)) return `[\n${value.map((each) => JSON.stringify(each)).join(",\n")}\n]`;
    const entries = Object.entries(value as object).map(
      ([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`,
    );
    return `{\n${entries.join(",\n")}\n}`;
  };
  return `{\n${Object.entries(model)
    .map(([name, value]) => `${JSON.stringify(name)}:${section(value)}`)
    .join(",\n")}\n}\n`;
}
