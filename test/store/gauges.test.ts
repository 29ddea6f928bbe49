/** What the metrics say of the store, on every store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { CreateStateMachineCommand, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { startStepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

for (const kind of stores)
  test(`${kind.name}: commits, the transactions that share them, and open executions`, async () => {
    const stepwell = await startStepwell(kind);
    const { states, iam } = stepwell.as;
    const value = async (name: string): Promise<number> => {
      const text = await (await fetch(`${stepwell.endpoint}/_stepwell/metrics`)).text();
      const type = name.endsWith("_total") ? "counter" : "gauge";
      assert.match(text, new RegExp(`^# TYPE ${name} ${type}$`, "m"));
      return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
    };
    try {
      const trust = { Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" };
      const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: trust });
      const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "r", AssumeRolePolicyDocument }));
      const definition = JSON.stringify({ StartAt: "S", States: { S: { Type: "Wait", Seconds: 1000, End: true } } });
      const made = await states.send(new CreateStateMachineCommand({ name: "waits", definition, roleArn: Role?.Arn }));
      const start = () => states.send(new StartExecutionCommand({ stateMachineArn: made.stateMachineArn }));
      assert.equal(await value("stepwell_executions_open"), 0);
      const started = [await start(), await start(), await start()];
      assert.equal(await value("stepwell_executions_open"), 3);
      await states.send(new StopExecutionCommand({ executionArn: started[0]?.executionArn }));
      assert.equal(await value("stepwell_executions_open"), 2);

      const before = [await value("stepwell_store_commits_total"), await value("stepwell_store_transactions_total")];
      const { store } = stepwell.node.parts;
      const write = (name: string) =>
        store.write((tx) => tx.run("insert into iam_installation (name, value) values ($1, '')", [name]));
      await Promise.all(Array.from({ length: 100 }, (_, index) => write(`n${index}`)));
      const commits = (await value("stepwell_store_commits_total")) - (before[0] ?? 0);
      const transactions = (await value("stepwell_store_transactions_total")) - (before[1] ?? 0);
      // The relay of the node may commit beside it.
      assert.ok(transactions >= 100, String(transactions));
      assert.ok(commits >= 1 && commits < transactions, `${commits} of ${transactions}`);
    } finally {
      await stepwell.close();
    }
  });
