/** The iam room: IAM and STS. Authority and accounts, which the gate and the node use, are in their own files. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { defineService } from "../wire/service.ts";
import { iamAccess } from "./access.ts";
import { accountEndpoint } from "./account-endpoint.ts";
import { attachHandlers, inlineHandlers } from "./grants.ts";
import { keyHandlers, keyUseHandlers, otherHandlers } from "./keys.ts";
import { overviewHandlers } from "./overview.ts";
import { policyHandlers, policyLists, versionHandlers } from "./policies.ts";
import { roleHandlers } from "./roles.ts";
import { simulateHandlers } from "./simulate.ts";
import { stsService } from "./sts.ts";
import { tagHandlers } from "./tags.ts";
import { usageFor } from "./usage.ts";
import { groupHandlers, userHandlers } from "./users.ts";

export function iamRoom(parts: Parts): Room {
  const iam = defineService<typeof sdk>({
    name: "iam",
    model: "iam",
    eventSource: "iam.amazonaws.com",
    handlers: {
      ...userHandlers(parts),
      ...groupHandlers(parts),
      ...roleHandlers(parts),
      ...inlineHandlers,
      ...attachHandlers,
      ...policyHandlers(parts),
      ...policyLists,
      ...versionHandlers(parts),
      ...tagHandlers,
      ...keyHandlers(parts),
      ...keyUseHandlers(parts),
      ...otherHandlers,
      ...overviewHandlers,
      ...simulateHandlers,
    },
    access: iamAccess,
  });
  const usage = usageFor(parts);
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  return {
    services: [iam, stsService(parts)],
    endpoints: { account: accountEndpoint(parts) },
    async start() {
      running = usage.run(parts, stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
