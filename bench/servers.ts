/** The limits over the wire, each in a process of its own: `discard` reads a body and throws it away, `file` writes it to a file and syncs, and serves it again. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const [kind = "", data = ""] = process.argv.slice(2);
const path = join(data, "plain");
const server = createServer((request, response) => {
  const answer = (): void => {
    response.writeHead(200, { "content-length": "0" });
    response.end();
  };
  if (kind === "file" && request.method === "GET") {
    response.writeHead(200, { "content-length": String(64 * 1024 * 1024) });
    createReadStream(path, { highWaterMark: 256 * 1024 }).pipe(response);
  } else if (kind === "file") {
    const write = async (): Promise<void> => {
      const file = await open(path, "w");
      for await (const chunk of request) await file.write(chunk as Uint8Array);
      await file.datasync();
      await file.close();
    };
    write().then(
      () => answer(),
      (error: Error) => response.destroy(error),
    );
  } else {
    request.resume();
    request.on("end", answer);
  }
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));
