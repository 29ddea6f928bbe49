/** What a node is opened with. */
import type { Parts } from "./flow.ts";
import type { AccountKey } from "./iam/accounts.ts";
import type { Blobs } from "./store/blobs.ts";
import type { openDirectory } from "./store/directory.ts";

export type NodeOptions = Pick<Parts, "account" | "region" | "clock" | "log"> & {
  readonly data: string;
  /** The PostgreSQL that this node shares with others; the embedded store in `data` unless given. */
  readonly database?: string | undefined;
  /** Where large objects are; in the data directory unless given. */
  readonly blobs?: Blobs;
  /** A store that the caller has opened already, in place of what `data` and `database` name. */
  readonly opened?: ReturnType<typeof openDirectory>;
  readonly auth: "on" | "off";
  /** Fixes the key of the default account's administrator. */
  readonly key?: Pick<AccountKey, "accessKeyId" | "secretAccessKey">;
  readonly trailFlushMs: number;
  /** Accepts state machines with tasks of services that are not there; the tasks fail. */
  readonly allowMissingServices?: boolean;
  /** Lets who bears it read the metrics from other machines. */
  readonly metricsToken?: string | undefined;
};
