/** A Restate server with its state in the folder that is named, and the service with the workflow of five steps that it calls. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer as createHttp2Server } from "node:http2";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createEndpointHandler, service } from "@restatedev/restate-sdk";

const [folder = ""] = process.argv.slice(2);
const MAX_START_MS = 60_000;

const five = service({
  name: "five",
  handlers: {
    run: async (context) => {
      let sum = 0;
      for (let step = 1; step <= 5; step++) sum += await context.run(`step${step}`, () => step);
      return { sum };
    },
  },
});

const steps = createHttp2Server(createEndpointHandler({ services: [five], logger: () => undefined }));
await new Promise((resolve) => steps.listen(0, "127.0.0.1", resolve));
const [ingress, admin, node] = await Promise.all([freePort(), freePort(), freePort()]);
const config = join(folder, "restate.toml");
writeFileSync(
  config,
  `base-dir = "${folder}/data"
node-name = "bench"
cluster-name = "bench"
listen-mode = "tcp"
bind-address = "127.0.0.1:${node}"
advertised-address = "http://127.0.0.1:${node}"
disable-telemetry = true
log-filter = "error,octocrab=off"
[ingress]
bind-address = "127.0.0.1:${ingress}"
[admin]
bind-address = "127.0.0.1:${admin}"
`,
);
const binary = createRequire(import.meta.url).resolve(
  `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
);
const server = spawn(binary, ["--config-file", config], { stdio: ["ignore", "ignore", "inherit"] });
process.once("exit", () => server.kill("SIGKILL"));
server.once("error", end);
server.once("exit", (code) => end(new Error(`the Restate server ended with ${code}`)));
process.on("disconnect", () => process.exit(0));
await untilAnswered(`http://127.0.0.1:${admin}/health`);
const registered = await fetch(`http://127.0.0.1:${admin}/deployments`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ uri: `http://127.0.0.1:${steps.address().port}` }),
});
if (!registered.ok) end(new Error(`Restate refuses the service: ${await registered.text()}`));
await untilAnswered(`http://127.0.0.1:${ingress}/restate/health`);
process.send({ port: ingress });

async function untilAnswered(url) {
  const started = performance.now();
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (performance.now() - started > MAX_START_MS) end(new Error(`${url} does not answer`));
    await pause(50);
  }
}

function end(error) {
  console.error(error.message);
  process.exit(1);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
