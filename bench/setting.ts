import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CreateStateMachineCommand } from "@aws-sdk/client-sfn";
import { clientsFor } from "../test/support/stepwell.ts";
import {
  createBucket,
  createMachine,
  createRule,
  createServiceRole,
  createTrail,
  HELLO_WORLD,
} from "../scripts/tutorial/steps.ts";
import { startServer, type Server } from "./processes.ts";

export const KEY = {
  accessKeyId: "AKIABENCHBENCHBENCH0",
  secretAccessKey: "bench-secret-bench-secret-bench-secret-00",
};
/** A bucket that nothing watches, and the tutorial's chain on another. */
export const PLAIN = "bench-plain";
export const WATCHED = "bench-watched";

/** A Stepwell with the tutorial set up on it, in a process of its own. */
export async function startTutorial(folder: string): Promise<
  Server & {
    readonly machineArn: string;
    readonly expressArn: string;
    readonly fiveArn: string;
    readonly clients: ReturnType<typeof clientsFor>;
  }
> {
  const data = join(folder, "stepwell");
  mkdirSync(data, { recursive: true });
  const server = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${server.port}`, KEY, "us-east-1");
  const setting = { bucket: WATCHED, account: "123456789012", region: "us-east-1", edition: "2018" } as const;
  await createBucket(clients, { ...setting, bucket: PLAIN });
  await createBucket(clients, setting);
  await createTrail(clients, setting);
  const machineArn = await createMachine(clients);
  await createRule(clients, setting, machineArn);
  const expressArn = await createExpress(clients);
  const fiveArn = await createFive(clients);
  return { ...server, machineArn, expressArn, fiveArn, clients };
}

/** The tutorial's machine once more, as an Express machine that logs nothing. */
async function createExpress({ iam, states }: ReturnType<typeof clientsFor>): Promise<string> {
  const roleArn = await createServiceRole(iam, "express-role", "states.amazonaws.com");
  const { stateMachineArn } = await states.send(
    new CreateStateMachineCommand({ name: "Express", definition: HELLO_WORLD, roleArn, type: "EXPRESS" }),
  );
  return stateMachineArn ?? "";
}

/** Five states that each add a number to what they are given. */
async function createFive({ iam, states }: ReturnType<typeof clientsFor>): Promise<string> {
  const roleArn = await createServiceRole(iam, "five-role", "states.amazonaws.com");
  const definition = fiveStates((step) => ({ Type: "Pass", Result: step, ResultPath: `$.step${step}` }));
  const { stateMachineArn } = await states.send(new CreateStateMachineCommand({ name: "Five", definition, roleArn }));
  return stateMachineArn ?? "";
}

/** The definition of a chain of five. */
export function fiveStates(state: (step: number) => object): string {
  const next = (step: number): object => (step < 5 ? { Next: `Step${step + 1}` } : { End: true });
  const States = Object.fromEntries([1, 2, 3, 4, 5].map((step) => [`Step${step}`, { ...state(step), ...next(step) }]));
  return JSON.stringify({ StartAt: "Step1", States });
}
