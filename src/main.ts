/** The command line. Each command is a file in cli/. */
import { enableCompileCache } from "node:module";

// Keeps compiled code between starts; a cold start costs twice a warm one.
enableCompileCache();
const { UsageError } = await import("./cli/settings.ts");
const { runCommand } = await import("./cli/commands.ts");
try {
  process.exitCode = await runCommand(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`stepwell: ${error.message}`);
  process.exitCode = 2;
}
