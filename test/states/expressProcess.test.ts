/** Express executions of a server in a process of its own: killed, told to end, and left by their clients. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateBucketCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, StartExecutionCommand, StartSyncExecutionCommand } from "@aws-sdk/client-sfn";
import { startServer, type Server } from "../support/server.ts";
import { eventually } from "../support/stepwell.ts";
import { roleFor } from "./fixture.ts";

const BUCKET = "express-results";

/** An Express machine that writes the object KEY.begun, rests for a while, then writes KEY, which its input names. */
async function restThenWrite({ clients }: Server, name: string, seconds: number): Promise<string> {
  const roleArn = await roleFor({ as: clients }, `${name}-role`, ["s3:*"]);
  const write = (key: string, next: object) => ({
    Type: "Task",
    Resource: "arn:aws:states:::aws-sdk:s3:putObject",
    Parameters: { Bucket: BUCKET, "Key.$": key, Body: "" },
    ResultPath: null,
    ...next,
  });
  const states = {
    Begin: write("States.Format('{}.begun', $.key)", { Next: "Rest" }),
    Rest: { Type: "Wait", Seconds: seconds, Next: "Write" },
    Write: write("$.key", { End: true }),
  };
  const definition = JSON.stringify({ StartAt: "Begin", States: states });
  const made = await clients.states.send(new CreateStateMachineCommand({ name, definition, roleArn, type: "EXPRESS" }));
  return made.stateMachineArn ?? "";
}

function written({ clients }: Server, key: string): Promise<true> {
  return eventually(async () => {
    try {
      await clients.s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: key }));
      return true;
    } catch {
      return undefined;
    }
  }, 60_000);
}

test("an accepted execution outlives a kill, a synchronous one its client and the order to end", async () => {
  const data = mkdtempSync(join(tmpdir(), "stepwell-express-"));
  let server = await startServer(data);
  try {
    await server.clients.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const stateMachineArn = await restThenWrite(server, "resting", 2);
    const input = (key: string): string => JSON.stringify({ key });
    await server.clients.states.send(new StartExecutionCommand({ stateMachineArn, input: input("killed") }));
    await server.stop("SIGKILL");
    server = await startServer(data);
    await written(server, "killed");

    const gone = new AbortController();
    const left = server.clients.states.send(new StartSyncExecutionCommand({ stateMachineArn, input: input("left") }), {
      abortSignal: gone.signal,
    });
    const refused = assert.rejects(left, { name: "AbortError" });
    await written(server, "left.begun");
    gone.abort();
    await refused;
    await written(server, "left");

    const answered = server.clients.states.send(
      new StartSyncExecutionCommand({ stateMachineArn, input: input("drained") }),
    );
    await written(server, "drained.begun");
    const stopped = server.stop("SIGTERM");
    assert.equal((await answered).status, "SUCCEEDED");
    await stopped;
  } finally {
    server.child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});
