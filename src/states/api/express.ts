import type { StartSyncExecutionOutput } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import type { ExpressStart, Finished } from "../express/run.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { startOf } from "./starting.ts";

export function expressHandlers(own: StatesParts): StatesHandlers {
  return { StartSyncExecution: startSyncExecution(own) };
}

/** The refusal of an operation that only the other type of machine has. */
export function typeNotSupported(): Error {
  return fault("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine");
}

function startSyncExecution(own: StatesParts): Handle<"StartSyncExecution"> {
  const { parts, expresses } = own;
  return async (input, call) => {
    const resolve = startOf(own, input, call);
    const { asked, type } = await call.read(resolve);
    if (type !== "EXPRESS") throw typeNotSupported();
    const start = expresses.begin(asked);
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
