/** `npm run tutorial`: starts Stepwell, does the tutorial through its public endpoint, tells the story, and keeps serving. */
import { CloudTrailClient } from "@aws-sdk/client-cloudtrail";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { S3Client } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { askAt } from "../src/cli/client.ts";
import { exportsText } from "../src/cli/env.ts";
import { readSettings, UsageError, type Settings } from "../src/cli/settings.ts";
import { startNode, untilStopped } from "../src/cli/start.ts";
import { tellStory, type Story } from "../src/story/tell.ts";
import {
  createBucket,
  createMachine,
  createRule,
  createTrail,
  enableNotifications,
  upload,
  type Edition,
  type TutorialClients,
  type TutorialSetting,
} from "./tutorial/steps.ts";

try {
  const { settings, extra } = readSettings(process.argv.slice(2), process.env, {
    edition: { type: "string" },
    once: { type: "boolean" },
  });
  const edition = extra["edition"] ?? "2018";
  if (edition !== "2018" && edition !== "2022")
    throw new UsageError("--edition takes 2018 (through CloudTrail) or 2022 (by the bucket's notification).");
  if (extra["help"] === true) {
    console.log(
      "usage: npm run tutorial [-- --edition 2018|2022] [--once] [options of stepwell serve]\n\nDoes AWS's tutorial end to end on a fresh data directory, tells it hop by hop, and keeps serving until Ctrl-C (--once leaves).",
    );
  } else await tutorial(settings, edition, extra["once"] === true);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`tutorial: ${error.message}`);
  process.exitCode = 2;
}

async function tutorial(settings: Settings, edition: Edition, once: boolean): Promise<void> {
  const stopped = untilStopped();
  const { node, url } = await startNode(settings);
  const { accessKeyId, secretAccessKey } = node.key;
  const config = { endpoint: url, region: settings.region, credentials: { accessKeyId, secretAccessKey } };
  const clients: TutorialClients = {
    s3: new S3Client({ ...config, forcePathStyle: true }),
    trail: new CloudTrailClient(config),
    events: new EventBridgeClient(config),
    iam: new IAMClient(config),
    states: new SFNClient(config),
  };
  const setting: TutorialSetting = {
    bucket: "username-sfn-tutorial",
    account: settings.account,
    region: settings.region,
    edition,
  };
  try {
    console.log(`Stepwell serves at ${url}; the tutorial's ${edition} edition begins.\n`);
    const machineArn = await setUp(clients, setting);
    await upload(clients, setting);
    console.log(`step 4  uploaded test.png to s3://${setting.bucket}\n`);
    await report(clients, setting, machineArn, url, node.key);
  } catch (error) {
    if ((error as { name?: string }).name !== "BucketAlreadyOwnedByYou" && !/AlreadyExists/.test((error as Error).name))
      throw error;
    await node.close();
    throw new UsageError(
      `the tutorial was done before in ${settings.data}: give --data another directory, or delete that one. "npm start" serves it as it is.`,
    );
  }
  console.log(
    `\nTry more:\n${exportsText(url, node.key, settings.region)}\naws s3 cp README.md s3://${setting.bucket}/ && aws stepfunctions list-executions --state-machine-arn arn:aws:states:${settings.region}:${settings.account}:stateMachine:Helloworld\nnpx stepwell why s3://${setting.bucket}/README.md --data ${settings.data}`,
  );
  if (!once) {
    console.log("\nServing until Ctrl-C.");
    await stopped;
  }
  for (const client of Object.values(clients)) client.destroy();
  await node.close();
}

async function setUp(clients: TutorialClients, setting: TutorialSetting): Promise<string> {
  await createBucket(clients, setting);
  if (setting.edition === "2018") {
    await createTrail(clients, setting);
    console.log(
      `step 1  bucket ${setting.bucket}; trail S3Event records its S3 data events into ${setting.bucket}-storage`,
    );
  } else {
    await enableNotifications(clients, setting);
    console.log(`step 1  bucket ${setting.bucket}; its notifications go to EventBridge`);
  }
  const machineArn = await createMachine(clients);
  console.log("step 2  state machine Helloworld");
  await createRule(clients, setting, machineArn);
  console.log("step 3  rule S3StepFunctions, target Helloworld, with a role created for it");
  return machineArn;
}

async function report(
  clients: TutorialClients,
  { bucket, region }: TutorialSetting,
  machineArn: string,
  url: string,
  key: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<void> {
  const story = (await askAt(url, key, region, "flow", { bucket, key: "test.png" })) as Story;
  console.log(tellStory(story).join("\n"));
  const { executions } = await clients.states.send(new ListExecutionsCommand({ stateMachineArn: machineArn }));
  const executionArn = executions?.[0]?.executionArn;
  if (executionArn === undefined) throw new Error("no execution started");
  const { input, output, status } = await clients.states.send(new DescribeExecutionCommand({ executionArn }));
  console.log(
    `\nThe execution ${status === "SUCCEEDED" ? "succeeded" : `is ${status}`}, output ${output}. Its input:\n${JSON.stringify(JSON.parse(input ?? "null"), null, 2)}`,
  );
}
