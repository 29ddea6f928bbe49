import { parseArgs } from "node:util";

/** What a person can set, by flag or by environment variable; a flag wins. */
export type Settings = {
  readonly port: number;
  readonly listen: string;
  readonly data: string;
  /** PostgreSQL's address, where several nodes share one. */
  readonly database: string | undefined;
  readonly account: string;
  readonly region: string;
  readonly auth: "on" | "off";
  readonly log: "info" | "warn" | "error";
  readonly trailFlushSeconds: number;
  /** State machines may have tasks of services that are not there; the tasks fail. */
  readonly allowMissingServices: boolean;
  /** A directory or `s3://bucket/prefix`; undefined means inside the data directory. */
  readonly blobs: string | undefined;
  readonly blobsEndpoint: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Fixes the administrator's key. */
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
};

type Option = { readonly flag: string; readonly value: string; readonly fallback?: string; readonly help: string };
export const OPTIONS: readonly Option[] = [
  { flag: "port", value: "N", fallback: "4566", help: "the one port for all services; 0 takes a free one" },
  {
    flag: "listen",
    value: "ADDRESS",
    fallback: "127.0.0.1",
    help: "the address to listen on; anything but loopback is reachable by others",
  },
  { flag: "data", value: "DIR", fallback: "./.stepwell", help: "the data directory, made with mode 0700 when missing" },
  {
    flag: "database",
    value: "URL",
    help: "keep the state in PostgreSQL (postgres://user@host/name), shared by any number of nodes; wants --blobs",
  },
  { flag: "account", value: "ID", fallback: "123456789012", help: "the default account, 12 digits" },
  { flag: "region", value: "REGION", fallback: "us-east-1", help: "the region of requests that do not name one" },
  {
    flag: "auth",
    value: "on|off",
    fallback: "on",
    help: "off admits everything: signatures and policies are not checked",
  },
  { flag: "log", value: "LEVEL", fallback: "warn", help: "info, warn or error; one JSON object a line on stderr" },
  {
    flag: "trail-flush-seconds",
    value: "N",
    fallback: "60",
    help: "how long a trail gathers records before it writes a log file",
  },
  {
    flag: "allow-missing-services",
    value: "",
    help: "accept state machines with tasks of services that Stepwell does not have; such a task fails when it is come to",
  },
  {
    flag: "blobs",
    value: "PLACE",
    help: "where large objects are kept, this installation's alone: a directory, or s3://bucket/prefix (default without --database: blobs/ in the data directory)",
  },
  { flag: "blobs-endpoint", value: "URL", help: "the S3-compatible store that s3:// means, if it is not AWS" },
  { flag: "tls-cert", value: "FILE", help: "serve HTTPS with this certificate (PEM)" },
  { flag: "tls-key", value: "FILE", help: "the certificate's key (PEM)" },
];

/** A mistake in how the program was called: printed as one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The environment variable of a flag: `trail-flush-seconds` → `STEPWELL_TRAIL_FLUSH_SECONDS`. */
export const variableOf = (flag: string): string => `STEPWELL_${flag.toUpperCase().replaceAll("-", "_")}`;

/** Reads flags and environment; what is not a flag is answered as `rest`. */
export function readSettings(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  extra: Readonly<Record<string, { readonly type: "string" | "boolean" }>> = {},
): {
  readonly settings: Settings;
  readonly rest: readonly string[];
  readonly extra: Readonly<Record<string, string | boolean | undefined>>;
} {
  const flags: Record<string, { type: "string" | "boolean" }> = { help: { type: "boolean" }, ...extra };
  for (const { flag, value } of OPTIONS) flags[flag] = { type: value === "" ? "boolean" : "string" };
  let parsed: { values: Record<string, string | boolean | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options: flags, allowPositionals: true }) as typeof parsed;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". To specify")[0]}. "stepwell help" lists the options.`);
  }
  const of = (flag: string): string | undefined => {
    const given = parsed.values[flag];
    const variable = environment[variableOf(flag)];
    if (given === true) return "on";
    return typeof given === "string"
      ? given
      : variable === undefined || variable === ""
        ? OPTIONS.find((option) => option.flag === flag)?.fallback
        : variable;
  };
  return { settings: checked(of, environment), rest: parsed.positionals, extra: parsed.values };
}

function checked(
  of: (flag: string) => string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const accessKeyId = environment["STEPWELL_ACCESS_KEY_ID"] || undefined;
  const secretAccessKey = environment["STEPWELL_SECRET_ACCESS_KEY"] || undefined;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw new UsageError("STEPWELL_ACCESS_KEY_ID and STEPWELL_SECRET_ACCESS_KEY go together: set both or neither.");
  const tlsCert = of("tls-cert");
  const tlsKey = of("tls-key");
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError("--tls-cert and --tls-key go together: give both or neither.");
  const blobs = of("blobs");
  const blobsEndpoint = of("blobs-endpoint");
  if (blobsEndpoint !== undefined && !blobs?.startsWith("s3://"))
    throw new UsageError("--blobs-endpoint goes with --blobs s3://bucket/prefix.");
  return {
    port: wholeNumber("port", of("port"), 0, 65_535),
    listen: of("listen") ?? "",
    data: of("data") ?? "",
    database: of("database"),
    account: matching("account", of("account"), /^\d{12}$/, "12 digits"),
    region: matching("region", of("region"), /^[a-z]{2}(-[a-z]+)+-\d$/, "a region such as eu-west-1"),
    auth: oneOf("auth", of("auth"), ["on", "off"]),
    log: oneOf("log", of("log"), ["info", "warn", "error"]),
    allowMissingServices: isOn("allow-missing-services", of("allow-missing-services")),
    trailFlushSeconds: wholeNumber("trail-flush-seconds", of("trail-flush-seconds"), 1, 3600),
    blobs,
    blobsEndpoint,
    tlsCert,
    tlsKey,
    accessKeyId,
    secretAccessKey,
  };
}

/** A flag without a value; as a variable it may also say `off`. */
function isOn(flag: string, text = "off"): boolean {
  if (/^(?:on|1|true)$/.test(text)) return true;
  if (/^(?:off|0|false)$/.test(text)) return false;
  throw new UsageError(`${variableOf(flag)} takes on or off, not "${text}".`);
}
function wholeNumber(flag: string, text = "", least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most)
    throw new UsageError(`--${flag} takes a whole number from ${least} to ${most}, not "${text}".`);
  return number;
}
function matching(flag: string, text = "", pattern: RegExp, wanted: string): string {
  if (!pattern.test(text)) throw new UsageError(`--${flag} takes ${wanted}, not "${text}".`);
  return text;
}
function oneOf<T extends string>(flag: string, text: string | undefined, choices: readonly T[]): T {
  const chosen = choices.find((choice) => choice === text);
  if (chosen === undefined) throw new UsageError(`--${flag} takes ${choices.join(" or ")}, not "${text}".`);
  return chosen;
}
