import { connect } from "node:net";
import type * as s3 from "@aws-sdk/client-s3";
import type * as sfn from "@aws-sdk/client-sfn";
import type * as sts from "@aws-sdk/client-sts";
import { systemClock } from "../../src/clock/system.ts";
import type { FinishedCall, Principal } from "../../src/flow.ts";
import type { Authority } from "../../src/gate/authority.ts";
import { openGate, type Gate, type GateOptions } from "../../src/gate/gate.ts";
import { sign } from "../../src/gate/sign.ts";
import type { Relay, Work } from "../../src/relay/relay.ts";
import type { Store, Transaction } from "../../src/store/store.ts";
import { fault } from "../../src/wire/fault.ts";
import { defineService, type Body, type ServiceDefinition } from "../../src/wire/service.ts";

export const KEY = { accessKeyId: "AKIATEST", secretAccessKey: "secret/of+the/tests" };
export const SESSION = { accessKeyId: "ASIATEST", secretAccessKey: "another", sessionToken: "the-token" };
const ACCOUNT = "111122223333";
const USER: Principal = {
  kind: "user",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ann`,
  id: "AIDA",
  name: "ann",
  accessKeyId: KEY.accessKeyId,
};
const PASSED: Principal = {
  kind: "root",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  id: ACCOUNT,
  accessKeyId: SESSION.accessKeyId,
};

/** A store that keeps nothing: transactions only say whether they were taken back. */
class NoStore implements Store {
  broken: Error | undefined;
  async read<T>(work: (reader: Transaction) => Promise<T>): Promise<T> {
    return work(new NoTransaction());
  }
  async write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    if (this.broken) throw this.broken;
    const transaction = new NoTransaction();
    const value = await work(transaction);
    for (const effect of transaction.effects) effect();
    return value;
  }
  async close(): Promise<void> {}
}
export class NoTransaction implements Transaction {
  readonly scratch = new Map<unknown, unknown>();
  effects: (() => void)[] = [];
  get = async (): Promise<undefined> => undefined;
  all = async <T>(): Promise<T[]> => [];
  version = (): number => 0;
  run = async (): Promise<number> => 0;
  bump(): void {}
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const before = this.effects;
    this.effects = [...before];
    try {
      return await work();
    } catch (error) {
      this.effects = before;
      throw error;
    }
  }
  afterCommit(effect: () => void): void {
    this.effects.push(effect);
  }
}

export type House = {
  readonly gate: Gate;
  readonly port: number;
  readonly store: NoStore;
  /** Objects that a handler kept, by `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** Finished calls of committed transactions. */
  readonly finished: FinishedCall[];
  readonly logged: { level: string; message: string; facts: unknown }[];
  /** Trailers of the last object. */
  trailers: Readonly<Record<string, string>>;
  /** Actions that are refused. */
  readonly refused: Set<string>;
  close(): Promise<void>;
};

/** A gate on 127.0.0.1 with tiny services behind it. */
export async function openHouse(options: Partial<GateOptions> = {}): Promise<House> {
  const store = new NoStore();
  const finished: FinishedCall[] = [];
  const relay: Relay = {
    pure() {},
    effect() {},
    async append(transaction: Transaction, work: Work) {
      transaction.afterCommit(() => finished.push(work.body as FinishedCall));
    },
    async cancel() {},
    transact: (work) => store.write(work),
  };
  const refused = new Set<string>();
  const logged: House["logged"] = [];
  const parts = { objects: new Map<string, Buffer>(), trailers: {} as Readonly<Record<string, string>> };
  const gate = openGate({
    services: [s3Service(parts), stsService(), statesService()],
    endpoints: { flow: async (query, facts) => ({ bucket: query.get("bucket"), account: facts.account }) },
    authority: authorityOf(refused),
    recorder: { wants: async (_reader, call) => call.operation !== "HeadObject" },
    store,
    relay,
    clock: systemClock,
    account: "123456789012",
    region: "us-east-1",
    auth: "on",
    log: (level, message, facts) => void logged.push({ level, message, facts }),
    health: () => ({ ready: true }),
    ...options,
  });
  const { port } = await gate.listen("127.0.0.1", 0);
  return Object.assign(parts, { gate, port, store, finished, logged, refused, close: () => gate.close() });
}

function authorityOf(refused: ReadonlySet<string>): Authority {
  return {
    async credentials(_reader, accessKeyId, token) {
      if (accessKeyId === KEY.accessKeyId) return { secret: KEY.secretAccessKey, principal: USER, token: "none" };
      if (accessKeyId !== SESSION.accessKeyId) return undefined;
      const state = token === SESSION.sessionToken ? "valid" : token === "old" ? "expired" : "wrong";
      return { secret: SESSION.secretAccessKey, principal: PASSED, token: state };
    },
    async decide(_reader, facts, { action, resource }) {
      if (facts.principal.kind === "anonymous")
        return resource === "public" ? { allowed: true } : { allowed: false, sentence: "Access Denied" };
      const sentence = `User: ${"arn" in facts.principal ? facts.principal.arn : ""} is not authorized to perform: ${action} on resource: ${resource}`;
      return refused.has(action) ? { allowed: false, sentence } : { allowed: true };
    },
    async assume(_transaction, caller) {
      if (refused.has(caller.roleArn)) throw fault("AccessDenied", `not trusted: ${caller.roleArn}`, { status: 403 });
      const { account, roleArn, sessionName, service } = caller;
      const arn = `arn:aws:sts::${account}:assumed-role/r/${sessionName}`;
      return {
        kind: "session",
        account,
        arn,
        id: `AROA:${sessionName}`,
        roleArn,
        roleName: "r",
        sessionName,
        accessKeyId: "",
        createdAt: 0,
        invokedBy: service,
      };
    },
    async passRole(_reader, _facts, roleArn) {
      if (refused.has(roleArn)) throw fault("AccessDeniedException", `may not pass ${roleArn}`, { status: 400 });
    },
  };
}

type Shelf = { objects: Map<string, Buffer>; trailers: Readonly<Record<string, string>> };
const isBody = (value: unknown): value is Body => typeof value === "object" && value !== null && "trailers" in value;

function s3Service(shelf: Shelf): ServiceDefinition {
  return defineService<typeof s3>({
    name: "s3",
    model: "s3",
    eventSource: "s3.amazonaws.com",
    async access(operation, input: { Bucket?: string }) {
      return [{ action: `s3:${operation}`, resource: input.Bucket ?? "*" }];
    },
    resources: (_operation, input: { Bucket?: string }) => [
      { type: "AWS::S3::Bucket", arn: `arn:aws:s3:::${input.Bucket}` },
    ],
    handlers: {
      async PutObject(input, call) {
        const parts: Uint8Array[] = [];
        if (isBody(input.Body)) for await (const part of input.Body) parts.push(part);
        const name = `${input.Bucket}/${input.Key}`;
        return call.commit(async (transaction) => {
          if (input.Key === "refused") throw fault("InvalidRequest", "no such thing", { status: 400 });
          transaction.afterCommit(() => {
            shelf.objects.set(name, Buffer.concat(parts));
            shelf.trailers = isBody(input.Body) ? input.Body.trailers() : {};
          });
          return { ETag: '"1"' };
        });
      },
      async GetObject(input) {
        const bytes = shelf.objects.get(`${input.Bucket}/${input.Key}`);
        if (input.Key === "crash") throw new Error("the secret inside");
        if (!bytes) throw fault("NoSuchKey", "The specified key does not exist.", { detail: { Key: input.Key } });
        return { Body: chunks(bytes, input.Key === "short"), ContentLength: bytes.length };
      },
      async HeadObject() {
        return { ContentLength: 5 };
      },
      async ListBuckets() {
        return { Buckets: [] };
      },
      async DeleteObjects(input) {
        return { Deleted: (input.Delete.Objects ?? []).map(({ Key }) => ({ Key })) };
      },
    },
  });
}
async function* chunks(bytes: Buffer, short: boolean): AsyncGenerator<Buffer> {
  const end = short ? bytes.length - 1 : bytes.length;
  for (let at = 0; at < end; at += 16_384) yield bytes.subarray(at, Math.min(at + 16_384, end));
}

function stsService(): ServiceDefinition {
  return defineService<typeof sts>({
    name: "sts",
    model: "sts",
    eventSource: "sts.amazonaws.com",
    access: async () => [],
    handlers: {
      async GetCallerIdentity(_input, call) {
        return { Account: call.account, Arn: "arn" in call.principal ? call.principal.arn : "", UserId: call.region };
      },
      async AssumeRoleWithWebIdentity(_input, call) {
        return { Audience: call.principal.kind };
      },
    },
  });
}

function statesService(): ServiceDefinition {
  return defineService<typeof sfn>({
    name: "states",
    model: "sfn",
    eventSource: "states.amazonaws.com",
    handlers: {
      async ListStateMachines() {
        return { stateMachines: [] };
      },
      async StartExecution(input, call) {
        return call.commit(async () => {
          if (input.name === "taken") throw fault("ExecutionAlreadyExists", "Execution Already Exists: 'taken'");
          return { executionArn: input.stateMachineArn, startDate: new Date(0) };
        });
      },
      async CreateStateMachine(input, call) {
        await call.passRole(input.roleArn, "states.amazonaws.com");
        await call.authorize({ action: "states:TagResource", resource: "*" });
        return call.commit(async () => ({ stateMachineArn: "arn:x", creationDate: new Date(0) }));
      },
    },
  });
}

/** Sends bytes over a fresh connection and answers all that comes back until the server closes it, or `ms` pass. */
export function raw(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer | number)[],
  ms = 5_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => socket.destroy(), ms);
    socket.on("data", (part: Buffer) => (text += part.toString("latin1")));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? undefined : reject(error),
    );
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    void (async () => {
      for (const part of typeof bytes === "string" || Buffer.isBuffer(bytes) ? [bytes] : bytes) {
        if (typeof part === "number") await systemClock.sleep(part);
        else if (!socket.destroyed) socket.write(part);
      }
    })();
  });
}

/** A signed request as text for `raw`; `connection: close` so that the answer ends with the connection. */
export function signed(
  port: number,
  method: string,
  target: string,
  options: {
    service?: string;
    headers?: Record<string, string>;
    body?: string;
    key?: typeof KEY | typeof SESSION;
    at?: number;
    length?: number;
    host?: string;
  } = {},
): string {
  const host = options.host ?? `127.0.0.1:${port}`;
  const url = new URL(`http://${host}`);
  url.href = `http://${host}${target}`;
  const body = options.body ?? "";
  const added = sign({
    method,
    url,
    headers: options.headers ?? {},
    body,
    key: options.key ?? KEY,
    region: "eu-west-1",
    service: options.service ?? "s3",
    at: options.at ?? systemClock.now(),
  });
  const length = options.length ?? Buffer.byteLength(body);
  const headers = {
    host,
    ...options.headers,
    ...added,
    connection: "close",
    ...(length > 0 ? { "content-length": String(length) } : {}),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
