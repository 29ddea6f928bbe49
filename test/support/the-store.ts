import type { StoreKind } from "./stores.ts";

/** The store of suites that open only one. test/cluster/rooms.test.ts runs them once more on PostgreSQL. */
export const theStore: StoreKind = { name: process.env["STEPWELL_TEST_STORE"] === "postgres" ? "postgres" : "sqlite" };
