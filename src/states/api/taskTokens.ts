import type { Call } from "../../flow.ts";
import { fault } from "../../wire/fault.ts";
import { parseMachineArn, type ExecutionKey } from "../arns.ts";
import type { Signal } from "../asl/types.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { invalidToken } from "../paging.ts";
import { executionByKey } from "../rows/executions.ts";
import type { StatesHandlers, StatesParts } from "./handlers.ts";

/** What somebody outside says of a task whose token they have. */
export function taskTokenHandlers({ tokens, executions }: StatesParts) {
  /** Tells the execution; a token that is known here but waited for no more is AWS's TaskTimedOut. */
  async function report(token: string, call: Call, signal: Signal): Promise<Record<string, never>> {
    const key = tokens.open(token);
    // AWS: "Task tokens must be passed from principals within the same AWS account."
    if (!key || !isOwn(key, call)) throw invalidToken();
    return call.commit(async (transaction) => {
      if (await executions.signal(transaction, key, signal)) return {};
      if ((await executionByKey(transaction, key)) === undefined)
        throw fault("TaskDoesNotExist", "Task Does Not Exist: 'Provided task does not exist anymore'");
      throw fault("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
    });
  }
  return {
    async SendTaskSuccess({ taskToken: token, output }, call) {
      checkOutput(output);
      return report(token, call, { kind: "taskSucceeded", token, output });
    },
    async SendTaskFailure({ taskToken: token, error, cause }, call) {
      const told = { ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) };
      return report(token, call, { kind: "taskFailed", token, ...told });
    },
    async SendTaskHeartbeat({ taskToken: token }, call) {
      return report(token, call, { kind: "heartbeat", token });
    },
  } satisfies StatesHandlers;
}

function isOwn({ machine }: ExecutionKey, { account, region }: Call): boolean {
  const own = parseMachineArn(machine);
  return own.account === account && own.region === region;
}

function checkOutput(text: string): void {
  const problem = jsonProblem(text);
  if (problem !== undefined) throw fault("InvalidOutput", `Invalid Output: '${problem.message}'`);
}
