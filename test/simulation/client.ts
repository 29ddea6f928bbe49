import { AwsFault } from "../../src/wire/fault.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { ACCOUNT, REGION, type Machine } from "./machine.ts";

const ROOT = {
  kind: "root",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  id: ACCOUNT,
  accessKeyId: "AKIASIMULATEDSIMULAT",
} as const;
const GONE = Symbol("gone");

/** What became of one attempt: an answer is an acknowledgement; without one nobody knows. */
export type Answer<Output> = { readonly output: Output } | { readonly fault: AwsFault } | undefined;
export type Client = {
  /** One attempt. */
  readonly attempt: <Output = unknown>(service: string, operation: string, input: unknown) => Promise<Answer<Output>>;
  /** Attempts until there is an answer, which must not be a fault, but for those named. */
  readonly once: <Output = unknown>(
    service: string,
    operation: string,
    input: unknown,
    but?: readonly string[],
  ) => Promise<Output>;
};

/** A client that may find the node dead, or die while it is asked. */
export function client(machine: Machine): Client {
  let calls = 0;
  const attempt = async <Output>(service: string, operation: string, input: unknown): Promise<Answer<Output>> => {
    const { node, death } = await machine.reach();
    const gone = death.then(() => GONE);
    machine.count("calls");
    const trace = `trace-${machine.counts["calls"] ?? 0}-${++calls}`;
    try {
      const output = await Promise.race([
        node.call<Output>({
          service,
          operation,
          input,
          as: { kind: "principal", principal: ROOT },
          trace,
          region: REGION,
        }),
        gone,
      ]);
      if (typeof output !== "symbol") return { output };
    } catch (error) {
      if (error instanceof AwsFault && (error.status ?? 400) < 500) return { fault: error };
      if (!(error instanceof AwsFault) && !(error instanceof StoreUnavailable)) throw error;
    }
    machine.count("calls without an answer");
    return undefined;
  };
  return {
    attempt,
    async once<Output>(service: string, operation: string, input: unknown, but: readonly string[] = []) {
      for (;;) {
        const answer = await attempt<Output>(service, operation, input);
        if (answer && "output" in answer) return answer.output;
        if (answer && !but.includes(answer.fault.code)) throw answer.fault;
        if (answer) return undefined as Output;
        await machine.world.sleep(1000);
      }
    },
  };
}
