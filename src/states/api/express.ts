import type { StartSyncExecutionOutput } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { checkName, executionName } from "../arns.ts";
import type { ExpressStart, Finished } from "../express/run.ts";
import { checkInput } from "../input.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { deletingMachine, namedMachine } from "./own.ts";

export function expressHandlers(own: StatesParts): StatesHandlers {
  return { StartSyncExecution: startSyncExecution(own) };
}

/** The refusal of an operation that only the other type of machine has. */
export function typeNotSupported(): Error {
  return fault("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine");
}

function startSyncExecution({ parts, definitions, targets, expresses }: StatesParts): Handle<"StartSyncExecution"> {
  return async (input, call) => {
    const named = namedMachine(input.stateMachineArn, call);
    const { machine } = named;
    if (input.name !== undefined) checkName(input.name);
    const text = input.input ?? "{}";
    checkInput(text);
    const name = input.name ?? executionName(parts.clock.now(), parts.clock.uuid());
    const start = await call.read(async (reader) => {
      const { machine: row, version, alias } = await targets.resolve(reader, named, () => parts.clock.random());
      if (row.deleting === 1) deletingMachine(named.arn);
      if (row.type !== "EXPRESS") throw typeNotSupported();
      const revision = await definitions.revision(reader, row.revision);
      return expresses.begin({
        machine,
        machineName: row.name,
        name,
        revision,
        input: text,
        trace: call.trace,
        ...(version && { version: version.number }),
        ...(alias !== undefined && { alias }),
      });
    });
    const { finished, entries } = await expresses.run(start);
    return call.commit(async (transaction) => {
      const { arn, trace, startedAt } = start;
      parts.tell(transaction, trace, { hop: "execution", at: startedAt, subject: arn, outcome: "ok" });
      await expresses.conclude(transaction, start, finished, entries);
      return answer(start, finished, input.includedData === "METADATA_ONLY", input.traceHeader);
    });
  };
}

/** What is absent is left out, never null. `metadataOnly` hides the payloads. */
function answer(
  start: ExpressStart,
  { status, output, error, cause, stoppedAt }: Finished,
  metadataOnly: boolean,
  traceHeader: string | undefined,
): StartSyncExecutionOutput {
  const included = !metadataOnly;
  return {
    executionArn: start.arn,
    stateMachineArn: start.machine,
    name: start.name,
    startDate: new Date(start.startedAt),
    stopDate: new Date(stoppedAt),
    // An Express execution cannot be stopped.
    status: status === "ABORTED" ? "FAILED" : status,
    ...(included && error !== undefined && { error }),
    ...(included && cause !== undefined && { cause }),
    ...(included && { input: start.input }),
    inputDetails: { included },
    ...(output !== undefined && { ...(included && { output }), outputDetails: { included } }),
    ...(traceHeader !== undefined && { traceHeader }),
    billingDetails: {
      billedDurationInMilliseconds: Math.max(1, Math.ceil((stoppedAt - start.startedAt) / 100)) * 100,
      billedMemoryUsedInMB: billedMegabytes(start.input.length + (output?.length ?? 0)),
    },
  };
}

const MEGABYTE = 1_048_576;
/** AWS: 50 MB for the execution itself and what its payloads take, in steps of 64 MB. */
function billedMegabytes(payloadBytes: number): number {
  return Math.ceil((50 + payloadBytes / MEGABYTE) / 64) * 64;
}
