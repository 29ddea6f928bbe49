import { UsageError } from "./settings.ts";

type Command = {
  readonly usage: string;
  readonly help: string;
  readonly run: (args: readonly string[]) => Promise<number>;
};

/** Commands are loaded when they are called, so that `stepwell env` does not pay for the server. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    usage: "serve [options]",
    help: "start the server (the default)",
    run: async (args) => (await import("./serve.ts")).serve(args),
  },
  env: {
    usage: "env [--data DIR]",
    help: "print the exports that aim the AWS CLI and SDKs at this installation",
    run: async (args) => (await import("./env.ts")).printEnv(args),
  },
  why: {
    usage: "why s3://BUCKET/KEY",
    help: "tell what became of the last write to an object, hop by hop",
    run: async (args) => (await import("./why.ts")).why(args),
  },
  account: {
    usage: "account create ID | account list",
    help: "add an account and print its root key, or list the accounts",
    run: async (args) => (await import("./account.ts")).account(args),
  },
  export: {
    usage: "export FILE|DIR|-",
    help: "write all of an installation at rest into one checksummed file",
    run: async (args) => (await import("./move.ts")).exportAll(args),
  },
  import: {
    usage: "import FILE|DIR",
    help: "fill a new, empty installation from an export",
    run: async (args) => (await import("./move.ts")).importAll(args),
  },
  completion: {
    usage: "completion bash|zsh|fish",
    help: "print shell completion",
    run: async (args) => (await import("./completion.ts")).completion(args),
  },
  help: { usage: "help", help: "this text", run: async () => (await import("./help.ts")).printHelp() },
  version: { usage: "version", help: "print the version", run: async () => (await import("./help.ts")).printVersion() },
};

/** Runs `stepwell COMMAND …` and answers the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const [first = "serve", ...rest] = args;
  if (first === "--version" || first === "-v") return COMMANDS["version"]?.run([]) ?? 0;
  if (args.includes("--help") || first === "-h") return COMMANDS["help"]?.run([]) ?? 0;
  if (first.startsWith("-")) return COMMANDS["serve"]?.run(args) ?? 0;
  const command = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (!command) throw new UsageError(`there is no command "${first}". "stepwell help" lists them.`);
  return command.run(rest);
}
