import { startServer, type Server } from "../support/server.ts";

/** How often a node is started that ended again, as a service manager would while the database is away. */
const STARTS = 60;
const DRAIN_MS = 30_000;

/** One node of the cluster, which is started again after it was killed. */
export class KeptNode {
  readonly #data: string;
  readonly #flags: readonly string[];
  /** Ends that nobody asked for. */
  readonly unexpected: string[] = [];
  #server: Server | undefined;

  constructor(data: string, flags: readonly string[]) {
    this.#data = data;
    this.#flags = flags;
    // It does not outlive a run that breaks off.
    process.once("exit", () => this.#server?.child.kill("SIGKILL"));
  }

  /** The process, while there is one. */
  get server(): Server | undefined {
    return this.#server;
  }

  async start(): Promise<void> {
    for (let tries = 1; this.#server === undefined; tries++) {
      try {
        this.#server = await startServer(this.#data, this.#flags);
      } catch (error) {
        if (tries === STARTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    const server = this.#server;
    server.child.once("exit", (code, signal) => {
      if (this.#server !== server) return;
      this.#server = undefined;
      this.unexpected.push(`a node ended by itself with ${code ?? signal}: ${server.log().slice(-2000)}`);
    });
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#server?.child.kill(signal);
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop("SIGKILL");
  }

  /** As an operator does: it drains and ends well. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const impatience = setTimeout(() => server.child.kill("SIGKILL"), DRAIN_MS);
    await server.stop("SIGTERM");
    clearTimeout(impatience);
    if (server.child.exitCode !== 0)
      this.unexpected.push(`a node did not drain within ${DRAIN_MS} ms: ${server.log().slice(-2000)}`);
  }
}
