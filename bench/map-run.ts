/** A Distributed Map over the lines of a file in S3: children a second, and the memory that the node needs for it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AttachRolePolicyCommand, CreatePolicyCommand } from "@aws-sdk/client-iam";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { createServiceRole } from "../scripts/tutorial/steps.ts";
import { clientsFor, type Clients } from "../test/support/stepwell.ts";
import type { Bench } from "./bench.ts";
import { median, startServer, stopServer } from "./processes.ts";
import { mostResidentMegabytes } from "./readings.ts";
import { KEY } from "./setting.ts";

const ITEMS = 100_000;

export const benchMapRun: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "map-run");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const roleArn = await prepare(clients);
  const reached: number[] = [];
  for (const executionType of ["STANDARD", "EXPRESS"]) {
    const stateMachineArn = await machine(clients, roleArn, executionType);
    for (let round = 0; round < (executionType === "STANDARD" ? rounds : 1); round++) {
      const took = await whole(clients, stateMachineArn);
      if (executionType === "STANDARD") reached.push(ITEMS / took);
    }
  }
  const peak = mostResidentMegabytes(node);
  for (const client of Object.values(clients)) client.destroy();
  await stopServer(node);
  return [
    {
      name: `children of a Distributed Map over ${ITEMS} lines in S3`,
      value: median(reached),
      unit: "/s",
      ...wanted(3_000, median(reached) / 3_000),
    },
    { name: "the most memory that the node needed for it", value: peak, unit: "MB", ...wanted(400, 400 / peak) },
  ];
};

function wanted(limit: number, ratio: number): { limit: number; limitName: string; ratio: number } {
  return { limit, limitName: "wanted", ratio };
}

async function prepare({ s3, iam }: Clients): Promise<string> {
  await s3.send(new CreateBucketCommand({ Bucket: "map-run" }));
  const lines = Array.from({ length: ITEMS }, (_, id) => `{"id":${id},"name":"item ${id}"}`).join("\n");
  await s3.send(new PutObjectCommand({ Bucket: "map-run", Key: "items.jsonl", Body: lines }));
  const roleArn = await createServiceRole(iam, "map-run", "states.amazonaws.com");
  const document = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] };
  const { Policy } = await iam.send(
    new CreatePolicyCommand({ PolicyName: "map-run", PolicyDocument: JSON.stringify(document) }),
  );
  await iam.send(new AttachRolePolicyCommand({ RoleName: "map-run", PolicyArn: Policy?.Arn }));
  return roleArn;
}

async function machine({ states }: Clients, roleArn: string, ExecutionType: string): Promise<string> {
  const Each = {
    Type: "Map",
    ItemReader: {
      Resource: "arn:aws:states:::s3:getObject",
      Parameters: { Bucket: "map-run", Key: "items.jsonl" },
      ReaderConfig: { InputType: "JSONL" },
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType },
      StartAt: "Work",
      States: { Work: { Type: "Pass", End: true } },
    },
    ResultWriter: { Resource: "arn:aws:states:::s3:putObject", Parameters: { Bucket: "map-run", Prefix: "results" } },
    End: true,
  };
  const definition = JSON.stringify({ StartAt: "Each", States: { Each } });
  const name = `map-run-${ExecutionType}`;
  return (await states.send(new CreateStateMachineCommand({ name, definition, roleArn }))).stateMachineArn ?? "";
}

/** Seconds from the start to the end of the whole run, its result files included. */
async function whole({ states }: Clients, stateMachineArn: string): Promise<number> {
  const started = performance.now();
  const { executionArn } = await states.send(new StartExecutionCommand({ stateMachineArn }));
  for (;;) {
    const { status, cause } = await states.send(new DescribeExecutionCommand({ executionArn }));
    if (status === "SUCCEEDED") return (performance.now() - started) / 1000;
    if (status !== "RUNNING") throw new Error(`the run ended ${status}: ${cause}`);
    await pause(50);
  }
}
