import type * as sfn from "@aws-sdk/client-sfn";
import type { Parts } from "../../flow.ts";
import type { Handlers } from "../../wire/service.ts";
import type { Activities } from "../activities.ts";
import type { Definitions } from "../definitions.ts";
import type { Expresses } from "../express/express.ts";
import type { Executions } from "../executions.ts";
import type { Targets } from "../targets.ts";
import type { Offered } from "../tasks/offered.ts";
import type { TaskTokens } from "../tokens.ts";

/** The operations of Step Functions, typed by the SDK. */
export type StatesHandlers = Handlers<typeof sfn>;
export type Handle<Operation extends keyof StatesHandlers> = NonNullable<StatesHandlers[Operation]>;

/** What the handlers are built from. */
export type StatesParts = {
  readonly parts: Parts;
  readonly definitions: Definitions;
  readonly targets: Targets;
  readonly executions: Executions;
  readonly expresses: Expresses;
  readonly activities: Activities;
  readonly tokens: TaskTokens;
  readonly offered: Offered;
};
