import { GIVEN, REASON, testDatabase } from "./postgres.ts";

/** Every suite that touches the store runs once for each of these. */
export type StoreKind = { readonly name: "sqlite" | "postgres" };

/** Why the suites do not run on PostgreSQL, if they do not. */
async function whyNoPostgres(): Promise<string | undefined> {
  if (process.env[GIVEN] !== undefined) return undefined;
  if (process.env[REASON] !== undefined) return process.env[REASON];
  try {
    await testDatabase();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const missing = await whyNoPostgres();
if (missing !== undefined) console.log(`skipped on PostgreSQL: ${missing}`);
export const stores: readonly StoreKind[] = [
  { name: "sqlite" },
  ...(missing === undefined ? [{ name: "postgres" } as const] : []),
];
