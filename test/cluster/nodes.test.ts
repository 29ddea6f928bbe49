/** Two nodes, each a process, on one PostgreSQL: what one learns the other knows, and what one leaves the other finishes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import {
  createBucket,
  createMachine,
  createRule,
  createServiceRole,
  enableNotifications,
} from "../../scripts/tutorial/steps.ts";
import { freshSchema } from "../support/postgres.ts";
import { startServer, type Server } from "../support/server.ts";
import { eventually, type Clients } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const BUCKET = "cluster-watched";
const SETTING = { bucket: BUCKET, account: "123456789012", region: "us-east-1", edition: "2022" } as const;
/** A timer and a task, so that a kill falls before, between and while. */
const RESTING = JSON.stringify({
  StartAt: "Rest",
  States: {
    Rest: { Type: "Wait", Seconds: 1, Next: "Look" },
    Look: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:headBucket",
      Parameters: { Bucket: BUCKET },
      Retry: [{ ErrorEquals: ["States.ALL"], IntervalSeconds: 1, MaxAttempts: 3 }],
      End: true,
    },
  },
});

const LIMIT_MS = 30_000;
/** Sooner than the leases of the dead node run out, which is after 30 seconds. How soon exactly the bench tells. */
const TAKEN_OVER_MS = 25_000;

const skip = stores.some(({ name }) => name === "postgres") ? false : "there is no PostgreSQL";

describe("two nodes on one database", { skip }, () => {
  let folder: string;
  let schema: Awaited<ReturnType<typeof freshSchema>>;
  let nodes: Server[] = [];
  /** The machine that the rule starts. */
  let hello = "";
  const flags = () => ["--database", schema.url, "--blobs", join(folder, "blobs"), "--region", "us-east-1"];
  const start = (name: string) => startServer(join(folder, name), flags());
  const node = (index: number): Server => nodes[index] ?? assert.fail("no such node");

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "stepwell-cluster-"));
    schema = await freshSchema();
    // Both at once: one of them makes the schema, the other waits for it.
    nodes = await Promise.all([start("one"), start("two")]);
  });
  after(async () => {
    for (const one of nodes)
      if (one.child.exitCode === null && one.child.signalCode === null) await one.stop("SIGTERM");
    await schema.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const executions = async ({ states }: Clients, machine: string, status?: "RUNNING" | "SUCCEEDED") => {
    const found = [];
    let nextToken: string | undefined;
    do {
      const page = await states.send(
        new ListExecutionsCommand({ stateMachineArn: machine, statusFilter: status, maxResults: 1000, nextToken }),
      );
      found.push(...(page.executions ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return found;
  };

  test("a rule made on one fires on the other", async () => {
    const [one, two] = [node(0).clients, node(1).clients];
    await createBucket(one, SETTING);
    await enableNotifications(one, SETTING);
    hello = await createMachine(one);
    await two.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "before.png", Body: "b" }));
    await createRule(one, SETTING, hello);
    let puts = 0;
    await eventually(async () => {
      await two.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: `after-${puts++}.png`, Body: "b" }));
      return (await executions(two, hello, "SUCCEEDED")).length > 0 ? true : undefined;
    }, LIMIT_MS);
    // Not a put from before the rule was made.
    assert.ok((await executions(one, hello)).length <= puts);
  });

  test("what was written on one is read on the other at once", async () => {
    const [one, two] = [node(0).clients, node(1).clients];
    for (let round = 0; round < 20; round++) {
      const [writer, reader] = round % 2 === 0 ? [one, two] : [two, one];
      await writer.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "seen", Body: String(round) }));
      const { Body } = await reader.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: "seen" }));
      assert.equal(await Body?.transformToString(), String(round));
    }
  });

  test("of many conditional writers on both nodes exactly one wins", async () => {
    for (const key of ["race-1", "race-2", "race-3"]) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) =>
          node(index % 2).clients.s3.send(
            new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: String(index), IfNoneMatch: "*" }),
          ),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes)
        if (outcome.status === "rejected")
          assert.equal((outcome.reason as Error).name, "PreconditionFailed", String(outcome.reason));
    }
  });

  test("of many starts under one name on both nodes there is one execution", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        node(index % 2)
          .clients.states.send(
            new StartExecutionCommand({ stateMachineArn: hello, name: "only", input: String(index) }),
          )
          .then(
            () => "started",
            (error: Error) => error.name,
          ),
      ),
    );
    assert.equal(answers.filter((answer) => answer === "started").length, 1, answers.join());
    assert.deepEqual([...new Set(answers)].sort(), ["ExecutionAlreadyExists", "started"]);
  });

  test("when one is killed the other finishes its executions, timers and tasks", async () => {
    const { clients } = node(1);
    const machine = await createRestingMachine(clients);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    let running = true;
    const started = new Set<string>();
    const load = Array.from({ length: 8 }, async () => {
      while (running) {
        try {
          const { executionArn } = await node(0).clients.states.send(
            new StartExecutionCommand({ stateMachineArn: machine, input: "{}" }),
          );
          started.add(executionArn ?? "");
        } catch {
          // The node was killed meanwhile: nothing was acknowledged.
        }
      }
    });
    await eventually(async () => (started.size > 20 ? true : undefined), LIMIT_MS);
    // Long enough for the first to be at their tasks while the last have just begun.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await node(0).stop("SIGKILL");
    running = false;
    await Promise.all(load);
    await eventually(
      async () => ((await executions(clients, machine, "RUNNING")).length === 0 ? true : undefined),
      TAKEN_OVER_MS,
    );
    const ended = await executions(clients, machine, "SUCCEEDED");
    for (const arn of started)
      assert.ok(
        ended.some(({ executionArn }) => executionArn === arn),
        `${arn} is lost`,
      );
    for (const { executionArn } of ended.slice(0, 50)) await assertGapless(clients, executionArn ?? "");
  });

  async function createRestingMachine(clients: Clients): Promise<string> {
    const roleArn = await createServiceRole(clients.iam, "cluster-resting", "states.amazonaws.com");
    const policy = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${BUCKET}` }],
    };
    await clients.iam.send(
      new PutRolePolicyCommand({
        RoleName: "cluster-resting",
        PolicyName: "look",
        PolicyDocument: JSON.stringify(policy),
      }),
    );
    const made = await clients.states.send(
      new CreateStateMachineCommand({ name: "Resting", definition: RESTING, roleArn }),
    );
    return made.stateMachineArn ?? "";
  }
});

async function assertGapless({ states }: Clients, executionArn: string): Promise<void> {
  const { events = [] } = await states.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  assert.deepEqual(
    events.map(({ id }) => id),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.at(-1)?.type, "ExecutionSucceeded");
}
