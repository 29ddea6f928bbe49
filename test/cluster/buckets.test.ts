/** A bucket is deleted on one node while another puts something into it: whoever commits first, no row is left in no bucket. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import pg from "pg";
import { systemClock } from "../../src/clock/system.ts";
import { openNode, type StepwellNode } from "../../src/node.ts";
import { FileBlobs } from "../../src/store/files.ts";
import { migrationFiles } from "../../src/store/migrate.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import type { Store, Transaction } from "../../src/store/store.ts";
import { freshSchema } from "../support/postgres.ts";
import { clientsFor, eventually, type Clients } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const skip = stores.some(({ name }) => name === "postgres") ? false : "there is no PostgreSQL";

/** Stops the transaction that runs a statement, after its work and before its commit. */
class Gate {
  /** What the transaction to be stopped says. */
  statement: string | undefined;
  reached: Promise<void> = Promise.resolve();
  #reach: () => void = () => undefined;
  #opened: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;

  close(statement: string): void {
    this.statement = statement;
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.#opened = new Promise((resolve) => (this.open = resolve));
  }
  async pass(): Promise<void> {
    this.statement = undefined;
    this.#reach();
    await this.#opened;
  }
  around(store: Store): Store {
    const write = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
      store.write(async (transaction) => {
        let stop = false;
        const run = transaction.run.bind(transaction);
        transaction.run = (sql, parameters) => {
          if (this.statement !== undefined && sql.startsWith(this.statement)) stop = true;
          return run(sql, parameters);
        };
        const value = await work(transaction);
        if (stop) {
          // Sends what was put off, as a commit would.
          await transaction.get("select count(*) as n from s3_bucket, s3_object, s3_upload, s3_setting");
          await this.pass();
        }
        return value;
      });
    return { read: (work) => store.read(work), write, close: () => store.close() };
  }
}

describe("a bucket deleted on one node while another puts something into it", { skip }, () => {
  let folder = "";
  let schema: Awaited<ReturnType<typeof freshSchema>>;
  let watcher: pg.Client;
  const gates = [new Gate(), new Gate()] as const;
  const nodes: { node: StepwellNode; clients: Clients }[] = [];
  const s3 = (index: number) => (nodes[index] ?? assert.fail("no such node")).clients.s3;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "stepwell-buckets-"));
    schema = await freshSchema();
    watcher = new pg.Client({ connectionString: schema.url });
    await watcher.connect();
    for (const gate of gates) {
      const store = gate.around(await PostgresStore.open(schema.url, migrationFiles()));
      const blobs = new FileBlobs(join(folder, "blobs"));
      const node = await openNode({
        data: folder,
        database: schema.url,
        opened: { store, blobs, close: () => store.close() },
        account: "123456789012",
        region: "us-east-1",
        auth: "on",
        clock: systemClock,
        log: () => undefined,
        trailFlushMs: 60_000,
      });
      const { port } = await node.listen("127.0.0.1", 0);
      nodes.push({ node, clients: clientsFor(`http://127.0.0.1:${port}`, node.key, "us-east-1") });
    }
  });
  after(async () => {
    for (const { node, clients } of nodes) {
      for (const one of Object.values(clients)) one.destroy();
      await node.close();
    }
    await watcher.end();
    await schema.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Resolves when a statement about buckets waits for a lock of another transaction. */
  const somebodyWaits = () =>
    eventually(async () => {
      const { rows } = await watcher.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%s3_bucket%'",
      );
      return rows.length > 0 ? true : undefined;
    }, 30_000);
  const rowsOf = async (bucket: string): Promise<string[]> => {
    const { rows } = await watcher.query<{ kind: string }>(
      "select 'bucket' as kind from s3_bucket where name = $1 union all select 'object' from s3_object where bucket = $1 " +
        "union all select 'upload' from s3_upload where bucket = $1 union all select 'setting' from s3_setting where bucket = $1",
      [bucket],
    );
    return rows.map(({ kind }) => kind);
  };
  const known = async (bucket: string): Promise<void> => {
    await s3(0).send(new CreateBucketCommand({ Bucket: bucket }));
    // Both nodes have the bucket in their caches.
    for (const index of [0, 1])
      await eventually(async () =>
        s3(index)
          .send(new PutBucketTaggingCommand({ Bucket: bucket, Tagging: { TagSet: [{ Key: "a", Value: "b" }] } }))
          .catch(() => undefined),
      );
  };
  const puts = {
    object: [
      "insert into s3_object",
      (Bucket: string) => s3(0).send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" })),
    ],
    upload: [
      "insert into s3_upload",
      (Bucket: string) => s3(0).send(new CreateMultipartUploadCommand({ Bucket, Key: "k" })),
    ],
  } as const;

  for (const [what, [statement, put]] of Object.entries(puts)) {
    test(`an ${what} that is about to be committed: the delete waits for it`, async () => {
      const bucket = `put-first-${what}`;
      await known(bucket);
      const [gate] = gates;
      gate.close(statement);
      const putting = put(bucket);
      await gate.reached;
      const deleting = s3(1).send(new DeleteBucketCommand({ Bucket: bucket }));
      const ended = deleting.then(
        () => "ended",
        () => "ended",
      );
      assert.equal(await Promise.race([ended, somebodyWaits().then(() => "waits")]), "waits");
      gate.open();
      await putting;
      if (what === "object") {
        await assert.rejects(deleting, { name: "BucketNotEmpty" });
        assert.deepEqual(await rowsOf(bucket), ["bucket", "object", "setting"]);
      } else {
        await deleting;
        assert.deepEqual(await rowsOf(bucket), []);
      }
    });

    test(`a delete that is about to be committed: the ${what} waits, and there is no bucket then`, async () => {
      const bucket = `delete-first-${what}`;
      await known(bucket);
      const [, gate] = gates;
      gate.close("delete from s3_bucket");
      const deleting = s3(1).send(new DeleteBucketCommand({ Bucket: bucket }));
      await gate.reached;
      const putting = put(bucket);
      const ended = putting.then(
        () => "ended",
        () => "ended",
      );
      assert.equal(await Promise.race([ended, somebodyWaits().then(() => "waits")]), "waits");
      gate.open();
      await deleting;
      await assert.rejects(putting, { name: "NoSuchBucket" });
      assert.deepEqual(await rowsOf(bucket), []);
    });
  }
});
