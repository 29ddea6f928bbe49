import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadResult, LoadSpec } from "./load.ts";

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The next message of a child, or its death as an error. */
function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`a bench process ended with ${code}`));
    child.once("exit", exited);
    child.once("message", (message) => {
      child.off("exit", exited);
      resolve(message as T);
    });
  });
}

export type Server = { readonly port: number; readonly child: ChildProcess };

/** Forks a program of the bench and waits for the port that it tells when it is ready. */
export async function startProgram(name: string, args: readonly string[]): Promise<Server> {
  const child = fork(file(name), args, { execArgv: ["--disable-warning=ExperimentalWarning"] });
  const { port } = await answer<{ port: number }>(child);
  return { port, child };
}
export function startServer(kind: "stepwell" | "discard" | "file", data: string): Promise<Server> {
  return kind === "stepwell" ? startProgram("./node.ts", [data]) : startProgram("./servers.ts", [kind, data]);
}

/** Executions a second that these servers run together when each is told to run its part of `count`. */
export async function rate<Spec extends { readonly count: number; readonly atOnce: number }>(
  servers: readonly Server[],
  spec: Spec,
): Promise<number> {
  const started = performance.now();
  const answers = await Promise.all(
    servers.map(({ child }) => {
      child.send({ ...spec, count: spec.count / servers.length });
      return answer<{ error?: string }>(child);
    }),
  );
  for (const { error } of answers) if (error !== undefined) throw new Error(error);
  return spec.count / ((performance.now() - started) / 1000);
}
export async function stopServer({ child }: Server): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  await ended;
}

/** Runs one load from a process of its own. */
export async function runLoad(spec: LoadSpec): Promise<LoadResult> {
  const child = fork(file("./load.ts"), { execArgv: ["--disable-warning=ExperimentalWarning"] });
  child.send(spec);
  const { result, error } = await answer<{ result?: LoadResult; error?: string }>(child);
  child.disconnect();
  if (!result) throw new Error(error ?? "the load failed");
  return result;
}

export const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
