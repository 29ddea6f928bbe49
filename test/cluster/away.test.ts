/** A PostgreSQL that drops connections, dies, and comes back: nothing acknowledged is lost, nothing hangs, all recovers by itself. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { migrationFiles } from "../../src/store/migrate.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { runOn, startPostgres, type PrivatePostgres } from "../support/postgres.ts";
import { eventually, startStepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const skip = stores.some(({ name }) => name === "postgres") ? false : "there is no PostgreSQL";
const INSERT = "insert into iam_installation (name, value) values ($1, $2)";

describe("PostgreSQL away", { skip }, () => {
  let postgres: PrivatePostgres;
  let store: PostgresStore;
  // With fsync, since a crash is part of it.
  before(async () => {
    postgres = await startPostgres(["fsync=on"]);
    store = await PostgresStore.open(postgres.url, migrationFiles());
  });
  after(async () => {
    await store.close();
    postgres.stop();
  });

  const put = (name: string) => store.write((tx) => tx.run(INSERT, [name, "v"]));
  const names = async (prefix: string): Promise<Set<string>> => {
    const rows = await store.read((reader) =>
      reader.all<{ name: string }>("select name from iam_installation where name >= $1 and name < $2", [
        prefix,
        `${prefix}~`,
      ]),
    );
    return new Set(rows.map(({ name }) => name));
  };
  /** Writes on and on while `trouble` happens; every row that was acknowledged must be there afterwards. */
  async function writeThrough(prefix: string, trouble: () => Promise<void>): Promise<number> {
    const acknowledged: string[] = [];
    let going = true;
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let n = 0; going; n++) {
        const name = `${prefix}-${writer}-${n}`;
        try {
          await put(name);
          acknowledged.push(name);
        } catch (error) {
          assert.ok(error instanceof StoreUnavailable, String(error));
        }
      }
    });
    await trouble();
    going = false;
    await Promise.all(writers);
    const there = await names(prefix);
    for (const name of acknowledged) assert.ok(there.has(name), `${name} was acknowledged and is lost`);
    return acknowledged.length;
  }
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  test("connections that are cut again and again cost no acknowledged row", async () => {
    const count = await writeThrough("cut", async () => {
      for (let round = 0; round < 8; round++) {
        await pause(100);
        await runOn(
          postgres.url,
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stepwell'",
        );
      }
    });
    assert.ok(count > 50, `only ${count} rows in that time`);
  });

  test("while it is down callers are told so in time, and it goes on when it is back", async () => {
    const count = await writeThrough("down", async () => {
      await pause(200);
      await postgres.crash();
      const asked = performance.now();
      await assert.rejects(put("while-down"), StoreUnavailable);
      await assert.rejects(names("down"), StoreUnavailable);
      assert.ok(performance.now() - asked < 12_000, "a caller was kept waiting");
      await postgres.restart();
      await eventually(() =>
        put(`back-${performance.now()}`).then(
          () => true,
          () => undefined,
        ),
      );
      await pause(200);
    });
    assert.ok(count > 50, `only ${count} rows in that time`);
  });

  test("a client sees 503 with Retry-After, and is served again afterwards", async () => {
    const stepwell = await startStepwell({ name: "postgres" }, { database: postgres.url });
    try {
      const { s3 } = stepwell.as;
      await s3.send(new CreateBucketCommand({ Bucket: "away" }));
      const upload = () => s3.send(new PutObjectCommand({ Bucket: "away", Key: "k", Body: "b" }));
      await upload();
      await postgres.crash();
      const refused = await upload().then(
        () => assert.fail("nothing can have been stored"),
        (error: { $metadata: { httpStatusCode?: number }; $response?: { headers: Record<string, string> } }) => error,
      );
      assert.equal(refused.$metadata.httpStatusCode, 503);
      assert.match(refused.$response?.headers["retry-after"] ?? "", /^\d+$/);
      await postgres.restart();
      await eventually(() =>
        upload().then(
          () => true,
          () => undefined,
        ),
      );
    } finally {
      await stepwell.close();
    }
  });

  test("a database that a newer program made is refused with a sentence", async () => {
    await runOn(postgres.url, "insert into migration (number, name) values (900, '900_future.sql')");
    await assert.rejects(
      PostgresStore.open(postgres.url, migrationFiles()),
      /has schema 900 .*made by another version/,
    );
  });
});
