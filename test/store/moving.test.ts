/** Export and import: between stores, by the command line, and of files that are not sound. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import * as Sdk from "@aws-sdk/client-s3";
import { CreateStateMachineCommand, DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { FileBlobs } from "../../src/store/files.ts";
import { migrationFiles } from "../../src/store/migrate.ts";
import { exportLines } from "../../src/store/moving/export.ts";
import { checkExport, importLines } from "../../src/store/moving/import.ts";
import { BadExport, linesOf } from "../../src/store/moving/lines.ts";
import { tablesOf } from "../../src/store/moving/tables.ts";
import { openStore } from "../support/open-store.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const migrations = migrationFiles();
const AT = new Date(1_700_000_000_000);
const FRESH = "01234567-89ab-4cde-8f01-23456789abcd";

async function* chunksOf(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}
const lines = (text: string) => linesOf(chunksOf(text));
async function exported(store: Parameters<typeof exportLines>[0]["store"], blobs: FileBlobs): Promise<string> {
  let text = "";
  for await (const some of exportLines({ store, blobs, migrations }, AT)) text += some;
  return text;
}

test("the tables of an export are those of the database, with all their columns, and a unique key", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-tables-"));
  const opened = await startStepwell(undefined, { data: folder });
  await opened.node.close();
  const database = new DatabaseSync(join(folder, "stepwell.db"), { readOnly: true });
  const tables = tablesOf(migrations);
  const names = database
    .prepare("select name from sqlite_master where type = 'table' and name <> 'migration' order by name")
    .all()
    .map(({ name }) => name);
  assert.deepEqual(tables.map(({ name }) => name).sort(), names);
  for (const { name, columns, key } of tables) {
    const found = database.prepare(`select name, lower(type) as type from pragma_table_info('${name}')`).all();
    assert.deepEqual(
      columns.map((column) => ({ ...column })),
      found.map((column) => ({ ...column })),
    );
    const indexes = database.prepare(`select name from pragma_index_list('${name}') where "unique" = 1`).all();
    const keys = indexes.map(({ name: index }) =>
      database
        .prepare(`select name from pragma_index_info('${String(index)}') order by seqno`)
        .all()
        .map((column) => column["name"])
        .join(),
    );
    assert.ok(keys.includes(key.join()), `${name} has no unique key ${key.join()}`);
  }
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const from of stores)
  for (const to of stores)
    void describe(`moving from ${from.name} to ${to.name}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "stepwell-moving-"));
      after(() => rmSync(folder, { recursive: true, force: true }));
      let text = "";

      before(async () => {
        const source = await openStore(from);
        const blobs = new FileBlobs(join(folder, "source"));
        const bytes = randomBytes(2_000_000);
        const { id } = await blobs.write(chunksOf(bytes));
        await source.store.write(async (tx) => {
          for (let n = 0; n < 731; n++)
            await tx.run("insert into iam_installation (name, value) values ($1, $2)", [
              `Ä${n % 7}-${n}`,
              "ß\u2028\n\"'😀",
            ]);
          for (const key of [Buffer.from([0]), Buffer.from([255, 10, 0]), Buffer.from("text")])
            await tx.run(
              "insert into s3_object (bucket, key, version, sequence, size, etag, modified, storage_class, trace, operation, bytes) values ('b', $1, 'null', 9007199254740991, -1, '', 0, 's', 't', 'o', $2)",
              [key, key.length > 1 ? key : null],
            );
          await tx.run("insert into s3_blob (id) values ($1)", [id]);
        });
        text = await exported(source.store, blobs);
        await source.close();
      });

      test("every row and every byte arrives, and the export of the copy is the same again", async () => {
        const target = await openStore(to);
        const blobs = new FileBlobs(join(folder, "target"));
        const end = await importLines({ store: target.store, blobs, migrations }, lines(text), FRESH);
        assert.deepEqual([end.rows, end.blobs, end.bytes], [735, 1, 2_000_000]);
        const again = await exported(target.store, blobs);
        const sorted = (whole: string) =>
          whole
            .split("\n")
            .filter((line) => !line.startsWith('{"end"') && !line.startsWith('["installation"'))
            .sort();
        assert.deepEqual(sorted(again), sorted(text));
        assert.deepEqual(
          again.split("\n").filter((line) => line.startsWith('["installation"')),
          [`["installation","${FRESH}"]`],
          "the copy is another installation",
        );
        assert.equal((await blobs.claim("another")).owner, FRESH);
        await assert.rejects(importLines({ store: target.store, blobs, migrations }, lines(text), FRESH), {
          name: "NotEmpty",
        });
        await target.close();
      });

      test("a file that was cut off or changed anywhere is refused", async () => {
        assert.equal((await checkExport(lines(text), migrations)).rows, 735);
        const whole = text.split("\n");
        const wrong: Record<string, string> = {
          "cut off in a line": text.slice(0, -20),
          "cut off after a line": `${whole.slice(0, -2).join("\n")}\n`,
          "a row is missing": text.replace(/\["Ä3-3",[^\n]*\n/, ""),
          "a row is changed": text.replace('["Ä3-3"', '["Ä3-4"'),
          "a byte is changed": text.replace(
            /\n"([A-Za-z0-9+/])/,
            (_, letter: string) => `\n"${letter === "A" ? "B" : "A"}`,
          ),
          "a row and its table's checksum are missing": whole
            .filter((line) => !line.includes('"iam_installation"') && !line.startsWith('["Ä'))
            .join("\n"),
          "more follows": `${text}{}\n`,
          "another schema": text.replace('"001_relay.sql"', '"001_other.sql"'),
          "another format": text.replace('"format":1', '"format":2'),
          "another program's": '{"hello":"world"}\n',
          "no JSON": "hello\n",
          nothing: "",
        };
        for (const [what, changed] of Object.entries(wrong)) {
          assert.ok(changed !== text, what);
          await assert.rejects(checkExport(lines(changed), migrations), BadExport, what);
        }
      });

      test(
        "an import that was not finished keeps nodes from starting on it",
        { skip: to.name !== "sqlite" && "opened by path" },
        async () => {
          const target = await openStore(to);
          const blobs = new FileBlobs(join(folder, "half"));
          const broken = text.slice(0, text.length - 30);
          await assert.rejects(
            importLines({ store: target.store, blobs, migrations }, lines(broken), FRESH),
            BadExport,
          );
          await assert.rejects(target.reopen(), /was not finished/);
        },
      );
    });

void describe("stepwell export and import", () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-move-"));
  const file = join(folder, "all.jsonl.gz");
  const source = join(folder, "source");
  const target = join(folder, "target");
  after(() => rmSync(folder, { recursive: true, force: true }));
  /** The command line, beside a node that may run in this process. */
  const stepwell = (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [MAIN, ...args]);
      const said = { stdout: "", stderr: "" };
      child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
      child.once("close", (code) => resolve({ code, ...said }));
    });

  test("a whole installation moves: objects, large ones too, machines, executions and keys", async () => {
    const large = randomBytes(400_000);
    let node: Stepwell = await startStepwell(undefined, { data: source });
    const { s3, states, iam } = node.as;
    await s3.send(new Sdk.CreateBucketCommand({ Bucket: "moving" }));
    await s3.send(new Sdk.PutObjectCommand({ Bucket: "moving", Key: "small", Body: "small" }));
    await s3.send(new Sdk.PutObjectCommand({ Bucket: "moving", Key: "large", Body: large }));
    const trust = {
      Statement: { Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" },
    };
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName: "r",
        AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", ...trust }),
      }),
    );
    const definition = JSON.stringify({ StartAt: "P", States: { P: { Type: "Pass", Result: "there", End: true } } });
    const { stateMachineArn } = await states.send(
      new CreateStateMachineCommand({ name: "m", definition, roleArn: Role?.Arn }),
    );
    const { executionArn } = await states.send(new StartExecutionCommand({ stateMachineArn }));
    const { accessKeyId, secretAccessKey, accountId } = node.node.key;
    const running = await stepwell("export", file, "--data", source);
    assert.equal(running.code, 2);
    assert.match(running.stderr, /another Stepwell is using|stop it first/);
    await node.node.close();

    const out = await stepwell("export", file, "--data", source);
    assert.deepEqual([out.code, out.stdout], [0, ""], out.stderr);
    assert.match(out.stderr, /exported \d+ rows of \d+ tables and 1 blobs with 400000 bytes/);
    const piped = await stepwell("export", "-", "--data", source);
    assert.equal(
      piped.stdout.split("\n").slice(1, -2).join(),
      gunzipSync(readFileSync(file)).toString().split("\n").slice(1, -2).join(),
    );
    const into = await stepwell("import", file, "--data", target);
    assert.equal(into.code, 0, into.stderr);
    const twice = await stepwell("import", file, "--data", target);
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, /not empty/);

    node = await startStepwell(undefined, { data: target });
    try {
      assert.deepEqual(node.node.key, { accessKeyId, secretAccessKey, accountId, made: false });
      const get = async (Key: string) =>
        Buffer.from(
          (await (
            await node.as.s3.send(new Sdk.GetObjectCommand({ Bucket: "moving", Key }))
          ).Body?.transformToByteArray()) ?? [],
        );
      assert.equal((await get("small")).toString(), "small");
      assert.ok((await get("large")).equals(large));
      const told = await eventually(async () => node.as.states.send(new DescribeExecutionCommand({ executionArn })));
      assert.deepEqual([told.status, told.output], ["SUCCEEDED", '"there"']);
      assert.equal(
        (await node.as.states.send(new StartExecutionCommand({ stateMachineArn }))).$metadata.httpStatusCode,
        200,
      );
    } finally {
      await node.node.close();
    }
  });

  test("what is no export, or not there, is told in one line, and nothing is made", async () => {
    const bad = join(folder, "bad.jsonl");
    writeFileSync(bad, "nothing of ours\n");
    for (const [args, said] of [
      [["import", bad, "--data", join(folder, "none")], /not a line of an export/],
      [["import", join(folder, "absent"), "--data", join(folder, "none")], /does not exist/],
      [["export", file, "--data", join(folder, "none")], /there is no Stepwell/],
      [["export"], /usage: stepwell export/],
    ] as const) {
      const { code, stderr } = await stepwell(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, said);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
    }
  });
});
