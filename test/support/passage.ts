import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP passage to a port, through which a test decides what becomes of a dependency. */
export type Passage = {
  readonly port: number;
  /** Connections are refused, and the open ones end. */
  gone(): Promise<void>;
  /** Connections are taken, and nothing goes through any more. */
  silent(): void;
  /** Everything goes through again. */
  back(): Promise<void>;
  close(): Promise<void>;
};

export async function openPassage(target: number): Promise<Passage> {
  const sockets = new Set<Socket>();
  let quiet = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => socket.destroy()).once("close", () => sockets.delete(socket));
  };
  const server: Server = createServer((from) => {
    keep(from);
    if (quiet) return;
    const to = keep(connect(target, "127.0.0.1"));
    from.pipe(to).pipe(from);
    from.once("close", () => to.destroy());
    to.once("close", () => from.destroy());
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as { port: number };
  const gone = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    gone,
    silent() {
      quiet = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async back() {
      quiet = false;
      for (const socket of sockets) socket.destroy();
      if (!server.listening) await listen(port);
    },
    close: gone,
  };
}
