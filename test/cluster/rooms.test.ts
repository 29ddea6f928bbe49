/** The suites that open one store, once more on PostgreSQL. */
import { test } from "node:test";
import { stores } from "../support/stores.ts";

const SUITES = [
  "events/delivery",
  "events/service",
  "iam/authority",
  "s3/garbage",
  "trail/delivery",
  "trail/lookup",
  "trail/recorder",
  "trail/service",
];

if (stores.some(({ name }) => name === "postgres")) {
  process.env["STEPWELL_TEST_STORE"] = "postgres";
  for (const suite of SUITES) await import(`../${suite}.test.ts`);
} else test("the rooms on PostgreSQL", { skip: "there is no PostgreSQL" }, () => undefined);
