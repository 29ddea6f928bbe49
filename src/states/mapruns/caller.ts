import type { Caller, Parts } from "../../flow.ts";
import { LETTERS } from "../tasks/caller.ts";
import { parseMachineArn } from "../arns.ts";
import type { Revision } from "../definitions.ts";
import type { MapRunRow } from "../rows/mapRuns.ts";
import { S3Calls } from "./readers/s3.ts";

/** S3 as the role of the machine that the run belongs to. */
export function s3Of(parts: Parts, run: MapRunRow, revision: Revision): S3Calls {
  const [machine = ""] = run.machine.split("/");
  const { account, region } = parseMachineArn(machine);
  const caller: Caller = {
    kind: "role",
    roleArn: revision.roleArn,
    service: "states.amazonaws.com",
    sessionName: parts.clock.text(32, LETTERS),
    sourceArn: machine,
    account,
  };
  return new S3Calls(parts, { caller, trace: run.trace, region });
}
