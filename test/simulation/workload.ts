import assert from "node:assert/strict";
import { StoreUnavailable } from "../../src/store/store.ts";
import { client } from "./client.ts";
import { HEARSAY_MS, type Machine } from "./machine.ts";
import type { Chance } from "./random.ts";
import { BUCKET, machineArn, STATES_ROLE, target, versionOf } from "./setting.ts";

/** What the node has acknowledged, and what it may have done besides. */
export type Ledger = {
  /** Keys of objects by whether their PUT was acknowledged. */
  readonly puts: Map<string, boolean>;
  /** ARNs of executions that somebody was told of, with their input. */
  readonly started: Map<string, string>;
  /** Markers of published events: how many executions each must have had a part in, undefined if up to one. */
  readonly published: Map<string, 0 | 1 | undefined>;
  /** Executions of the machine that is changed, with the version that was in force. */
  readonly versions: Map<string, number>;
};

const ROUNDS = 3;
const WAYS = ["quick", "slow", "failing"];
/** More than is kept in a row. */
const LARGE_BYTES = 70_000;

/** Clients that do one thing after the other, for about a minute. */
export async function work(machine: Machine, chance: Chance): Promise<Ledger> {
  const ledger: Ledger = { puts: new Map(), started: new Map(), published: new Map(), versions: new Map() };
  const actors: readonly ((actor: string, round: number) => Promise<void>)[] = [
    (actor, round) => upload(machine, ledger, `${actor}/${round}`),
    (actor, round) => start(machine, ledger, `${actor}-${round}`, WAYS[round % WAYS.length] ?? ""),
    (actor, round) => start(machine, ledger, `${actor}-${round}`, WAYS[round % WAYS.length] ?? ""),
    (actor, round) => publish(machine, ledger, `${actor}/${round}`, "simulation.published", 1),
    (actor, round) => changeRules(machine, ledger, `${actor}-${round}`),
    (_, round) => changeMachine(machine, ledger, round + 1),
    (actor, round) => start(machine, ledger, `${actor}-${round}`, "wide"),
    (actor, round) => upload(machine, ledger, `${actor}/${round}/large`),
  ];
  await Promise.all(
    actors.map(async (act, index) => {
      for (let round = 0; round < ROUNDS; round++) {
        await machine.world.sleep(chance.between(0, 15_000));
        await act(`a${index}`, round);
      }
    }),
  );
  return ledger;
}

async function upload(machine: Machine, { puts }: Ledger, name: string): Promise<void> {
  const { attempt } = client(machine);
  for (let tries = 0; ; tries++) {
    const Key = `up/${name}/${tries}`;
    puts.set(Key, false);
    const answer = await attempt("s3", "PutObject", { Bucket: BUCKET, Key, Body: bodyOf(Key) });
    if (answer && "fault" in answer) throw answer.fault;
    if (answer) {
      puts.set(Key, true);
      return mustBeThere(machine, Key);
    }
    await machine.world.sleep(1000);
  }
}

/** What is in an object, by its key. */
export function bodyOf(key: string): Buffer {
  return key.includes("/large/") ? Buffer.alloc(LARGE_BYTES, key) : Buffer.from(key);
}

type Body = Uint8Array | AsyncIterable<Uint8Array>;
export async function bytesOf(body: Body): Promise<Buffer> {
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(await Array.fromAsync(body));
}

/** What was acknowledged is seen at once, by every node. */
async function mustBeThere(machine: Machine, Key: string): Promise<void> {
  for (;;) {
    const { Body } = await client(machine).once<{ Body: Body }>("s3", "GetObject", { Bucket: BUCKET, Key });
    try {
      assert.ok((await bytesOf(Body)).equals(bodyOf(Key)), `${Key} is not what was put`);
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await machine.world.sleep(1000);
    }
  }
}

async function start(machine: Machine, { started }: Ledger, name: string, kind: string): Promise<void> {
  const input = JSON.stringify(kind === "wide" ? { kind, numbers: [1, 2, 3] } : { kind });
  const stateMachineArn = machineArn("Work");
  // A repeated start of an execution that has ended meanwhile is refused, and says thereby that it was there.
  const but = ["ExecutionAlreadyExists"];
  await client(machine).once("states", "StartExecution", { stateMachineArn, name, input }, but);
  started.set(executionOf("Work", name), input);
}

async function publish(
  machine: Machine,
  { published }: Ledger,
  name: string,
  Source: string,
  executions: 0 | 1,
): Promise<void> {
  const { attempt } = client(machine);
  for (let tries = 0; ; tries++) {
    const marker = `marker/${name}/${tries}`;
    published.set(marker, executions === 0 ? 0 : undefined);
    const Entries = [{ Source, DetailType: "published", Detail: JSON.stringify({ marker }) }];
    const answer = await attempt<{ FailedEntryCount: number }>("events", "PutEvents", { Entries });
    if (answer && "fault" in answer) throw answer.fault;
    if (answer && answer.output.FailedEntryCount === 0) {
      published.set(marker, executions);
      return;
    }
    await machine.world.sleep(1000);
  }
}

/** A rule is in force when its making was acknowledged, and no longer when its end was. */
async function changeRules(machine: Machine, ledger: Ledger, name: string): Promise<void> {
  const { once } = client(machine);
  const source = `simulation.${name}`;
  await publish(machine, ledger, `${name}-before`, source, 0);
  await once("events", "PutRule", { Name: name, EventPattern: JSON.stringify({ source: [source] }) });
  await once("events", "PutTargets", { Rule: name, Targets: [target()] });
  await heard(machine);
  await publish(machine, ledger, `${name}-during`, source, 1);
  await once("events", "RemoveTargets", { Rule: name, Ids: ["work"] }, ["ResourceNotFoundException"]);
  await once("events", "DeleteRule", { Name: name });
  await heard(machine);
  await publish(machine, ledger, `${name}-after`, source, 0);
}

/** A change is seen by the node that made it at once, and by others a little later. */
async function heard(machine: Machine): Promise<void> {
  if (machine.shared) await machine.world.sleep(HEARSAY_MS);
}

/** A changed machine is what runs from then on. */
async function changeMachine(machine: Machine, { versions }: Ledger, version: number): Promise<void> {
  const { once } = client(machine);
  const stateMachineArn = machineArn("Version");
  await once("states", "UpdateStateMachine", { stateMachineArn, definition: versionOf(version), roleArn: STATES_ROLE });
  await heard(machine);
  const name = `version-${version}`;
  await once("states", "StartExecution", { stateMachineArn, name, input: "{}" }, ["ExecutionAlreadyExists"]);
  versions.set(executionOf("Version", name), version);
}

export const executionOf = (machine: string, name: string): string =>
  `${machineArn(machine).replace(":stateMachine:", ":execution:")}:${name}`;
