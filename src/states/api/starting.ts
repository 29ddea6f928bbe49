/** What StartExecution and StartSyncExecution have in common: whom they start, and from what. */
import type { CallFacts } from "../../flow.ts";
import type { Reader } from "../../store/store.ts";
import { checkName, executionName } from "../arns.ts";
import type { Asked } from "../express/express.ts";
import { checkInput } from "../input.ts";
import type { MachineRow } from "../rows/machines.ts";
import type { StatesParts } from "./handlers.ts";
import { deletingMachine, namedMachine } from "./own.ts";

type Input = {
  readonly stateMachineArn: string;
  readonly name?: string | undefined;
  readonly input?: string | undefined;
};

/** Checks the request at once; what it asks for is then resolved in the transaction that starts it. */
export function startOf(
  { parts: { clock }, definitions, targets }: StatesParts,
  input: Input,
  call: Pick<CallFacts, "region" | "trace">,
): (reader: Reader) => Promise<{ readonly asked: Asked; readonly type: MachineRow["type"] }> {
  const named = namedMachine(input.stateMachineArn, call);
  if (input.name !== undefined) checkName(input.name);
  const text = input.input ?? "{}";
  checkInput(text);
  const name = input.name ?? executionName(clock.now(), clock.uuid());
  return async (reader) => {
    const { machine: row, version, alias } = await targets.resolve(reader, named, () => clock.random());
    if (row.deleting === 1) deletingMachine(named.arn);
    const asked = {
      machine: named.machine,
      machineName: row.name,
      name,
      revision: await definitions.revision(reader, row.revision),
      input: text,
      trace: call.trace,
      ...(version && { version: version.number }),
      ...(alias !== undefined && { alias }),
    };
    return { asked, type: row.type };
  };
}
