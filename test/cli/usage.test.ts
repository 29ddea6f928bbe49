/** What the command line says to a person, asked in processes of its own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { stepwell, withDirectory } from "./support.ts";

test("help names every command, every option with its variable, and the version is the package's", async () => {
  const help = await stepwell(["help"]);
  assert.equal(help.code, 0);
  for (const word of ["serve", "env", "why", "account", "completion", "--port", "--listen", "STEPWELL_TLS_CERT"])
    assert.ok(help.out.includes(word), `${word} is missing`);
  assert.deepEqual(await stepwell(["--help"]), help);
  assert.deepEqual(await stepwell(["serve", "--help"]), help);
  const version = await stepwell(["--version"]);
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
});

test("mistakes are one line that says what to do, with exit code 2", async () => {
  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [["bogus"], /there is no command "bogus".*stepwell help/],
    [["--bogus"], /Unknown option '--bogus'.*stepwell help/],
    [["serve", "--port", "99999"], /--port takes a whole number from 0 to 65535, not "99999"/],
    [["serve", "extra"], /serve takes options only, not "extra"/],
    [["serve", "--account", "12"], /--account takes 12 digits, not "12"/],
    [["serve", "--region", "mars"], /--region takes a region such as eu-west-1, not "mars"/],
    [["serve", "--auth", "maybe"], /--auth takes on or off, not "maybe"/],
    [["serve", "--tls-cert", "x"], /--tls-cert and --tls-key go together/],
    [["completion", "csh"], /completion takes bash, zsh or fish/],
    [["why"], /usage: stepwell why s3:\/\/BUCKET\/KEY/],
    [["why", "s3://bucket"], /usage: stepwell why s3:\/\/BUCKET\/KEY/],
    [["account", "create", "12"], /usage: stepwell account create ID \(12 digits\)/],
    [["account", "remove", "123456789012"], /usage: stepwell account create ID/],
  ];
  await Promise.all(
    mistakes.map(async ([args, sentence]) => {
      const { code, out, error } = await stepwell(args);
      assert.deepEqual([code, out], [2, ""], `stepwell ${args.join(" ")}: ${error}`);
      assert.match(error, sentence);
      assert.equal(error.trim().split("\n").length, 1, error);
    }),
  );
});

test("variables stand for options, an option wins, and a wrong one is refused", async () => {
  const wrong = await stepwell(["serve"], { STEPWELL_PORT: "many" });
  assert.equal(wrong.code, 2);
  assert.match(wrong.error, /port takes a whole number.*"many"/);
  const lone = await stepwell(["serve"], { STEPWELL_ACCESS_KEY_ID: "AKIAONLYHALFAKEY0000" });
  assert.equal(lone.code, 2);
  assert.match(lone.error, /set both or neither/);
});

test("set-up errors say what to do next", async () => {
  await withDirectory(async (directory) => {
    const at = (name: string): string => join(directory, name);
    writeFileSync(at("file"), "");
    writeFileSync(at("no.pem"), "not a certificate");
    const blocker = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => blocker.once("listening", resolve));
    const taken = (blocker.address() as AddressInfo).port;
    const fresh = ["serve", "--port", "0", "--data"];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[...fresh, at("file")], /is not a directory. Choose another with --data/],
      [[...fresh, "/proc/stepwell"], /\/proc\/stepwell cannot be written \(EROFS\)/],
      [[...fresh, "/proc/stepwell/below"], /\/proc\/stepwell cannot be written \(EROFS\)/],
      [[...fresh, at("e"), "--blobs", "/proc/stepwell"], /\/proc\/stepwell cannot be written/],
      [[...fresh, at("e"), "--database", "postgres://stepwell@127.0.0.1:9/none"], /--database wants --blobs too/],
      [[...fresh, at("a"), "--listen", "192.0.2.1"], /this machine has no address 192\.0\.2\.1/],
      [[...fresh, at("b"), "--tls-cert", at("none"), "--tls-key", at("none")], /none does not exist/],
      [
        [...fresh, at("c"), "--tls-cert", at("no.pem"), "--tls-key", at("no.pem")],
        /TLS certificate or key cannot be used/,
      ],
      [
        ["serve", "--data", at("d"), "--port", String(taken)],
        new RegExp(`port ${taken} on 127.0.0.1 is taken. Choose another with --port`),
      ],
      [["env", "--data", at("nowhere")], /there is no Stepwell in .*nowhere yet/],
      [["why", "s3://b/k", "--data", at("nowhere")], /no Stepwell runs on .*nowhere/],
    ];
    for (const [args, sentence] of cases) {
      const { code, error } = await stepwell(args);
      assert.equal(code, 2, `stepwell ${args.join(" ")}: ${error}`);
      assert.match(error, sentence);
      assert.equal(error.trim().split("\n").length, 1, error);
    }
    assert.ok(!existsSync(at("nowhere")), "asking makes no directory");
    blocker.close();
  });
});

test(
  "a data directory that may not be written is refused with what to do",
  { skip: process.getuid?.() === 0 ? "root may write everywhere" : false },
  async () => {
    await withDirectory(async (directory) => {
      const data = join(directory, "closed");
      mkdirSync(data);
      chmodSync(directory, 0o500);
      const { code, error } = await stepwell(["serve", "--port", "0", "--data", join(directory, "new")]);
      chmodSync(directory, 0o700);
      assert.equal(code, 2);
      assert.match(error, /cannot be written \(EACCES\)/);
    });
  },
);

test("completion is what each shell can read", async () => {
  const bash = await stepwell(["completion", "bash"]);
  assert.equal(bash.code, 0);
  execFileSync("bash", ["-n"], { input: bash.out });
  assert.match(bash.out, /\bwhy\b.*--port/);
  for (const shell of ["zsh", "fish"]) assert.match((await stepwell(["completion", shell])).out, /account/);
});

test("the data directory is made for its owner only", async () => {
  await withDirectory(async (directory) => {
    const data = join(directory, "new");
    assert.equal((await stepwell(["account", "list", "--data", data])).code, 0);
    assert.equal(statSync(data).mode & 0o777, 0o700);
  });
});
