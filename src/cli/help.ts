import { readFileSync } from "node:fs";
import { COMMANDS } from "./commands.ts";
import { OPTIONS, variableOf } from "./settings.ts";

/** Prints the manual: commands, options with their variables and defaults. */
export function printHelp(): number {
  const lines = [
    "Stepwell: put an object in a bucket, and a workflow runs.",
    "",
    "usage: stepwell [COMMAND] [options]",
    "",
  ];
  for (const { usage, help } of Object.values(COMMANDS)) lines.push(`  ${usage.padEnd(34)} ${help}`);
  lines.push("", "options of serve, each also as an environment variable:");
  for (const { flag, value, fallback, help } of OPTIONS) {
    lines.push(
      `  --${`${flag} ${value}`.trimEnd().padEnd(24)} ${help}${fallback === undefined ? "" : ` (${fallback})`}; ${variableOf(flag)}`,
    );
  }
  lines.push(
    "",
    "STEPWELL_ACCESS_KEY_ID and STEPWELL_SECRET_ACCESS_KEY fix the administrator's key.",
    "STEPWELL_BLOBS_ACCESS_KEY_ID, _SECRET_ACCESS_KEY, _SESSION_TOKEN and _REGION belong to --blobs s3://…",
  );
  console.log(lines.join("\n"));
  return 0;
}

export function versionText(): string {
  return (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string })
    .version;
}
export function printVersion(): number {
  console.log(versionText());
  return 0;
}
