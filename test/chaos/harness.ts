/**
 * Three nodes, each a process, on one PostgreSQL, under load and under seeded random trouble: nodes are killed and
 * stopped, PostgreSQL's connections are cut, PostgreSQL itself is killed. Then all is healed and counted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { runOn, type PrivatePostgres } from "../support/postgres.ts";
import { seeded } from "../support/seeded.ts";
import { eventually, type Clients } from "../support/stepwell.ts";
import { count, setUp, start, upload, type Acknowledged } from "../support/watched.ts";
import { KeptNode } from "./node.ts";

const NODES = 3;
const LOADERS = 12;
/** How long a node may need to serve again once all is healed. */
const WELL_MS = 15_000;
/** How long executions may still run after all is healed. */
const SETTLE_MS = 90_000;
const TROUBLES = ["node killed", "node stopped", "connections cut", "PostgreSQL killed"] as const;
type Trouble = (typeof TROUBLES)[number];

export type ChaosResult = {
  readonly seed: number;
  readonly troubles: Readonly<Record<Trouble, number>>;
  readonly uploads: number;
  readonly starts: number;
  /** Calls that were not answered 200. */
  readonly refused: number;
  /** From when all was well again until nothing ran any more. */
  readonly settledMs: number;
  readonly executions: number;
  readonly faults: readonly string[];
};
type House = { readonly postgres: PrivatePostgres; readonly nodes: readonly KeptNode[] };

/** Runs for so long on a PostgreSQL that belongs to this run alone. */
export async function chaos(options: {
  readonly postgres: PrivatePostgres;
  readonly seconds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}): Promise<ChaosResult> {
  const { postgres, seed, log } = options;
  const folder = mkdtempSync(join(tmpdir(), "stepwell-chaos-"));
  const flags = ["--database", postgres.url, "--blobs", join(folder, "blobs"), "--region", "us-east-1"];
  const nodes = Array.from({ length: NODES }, (_, index) => new KeptNode(join(folder, `node-${index}`), flags));
  const acknowledged: Acknowledged = { uploads: new Map(), starts: new Set() };
  try {
    await Promise.all(nodes.map((node) => node.start()));
    const machineArn = await setUp(clientsOf(nodes[0]));
    const load = new Load(nodes, machineArn, acknowledged, seed);
    const loaders = Array.from({ length: LOADERS }, (_, loader) => load.run(loader));
    const troubles = await makeTrouble({ postgres, nodes }, seed, options.seconds * 1000, (line) =>
      log(`${line}; ${acknowledged.uploads.size} uploads, ${acknowledged.starts.size} starts acknowledged`),
    ).finally(() => (load.going = false));
    await Promise.all(loaders);
    await Promise.all(nodes.map((node, index) => untilWell(node, `well-${index}`, acknowledged)));
    log("all is healed; waiting for the executions, then counting");
    const result = await count(clientsOf(nodes[0]), machineArn, acknowledged, SETTLE_MS);
    await Promise.all(nodes.map((node) => node.stop()));
    return {
      seed,
      troubles,
      uploads: acknowledged.uploads.size,
      starts: acknowledged.starts.size,
      refused: load.refused,
      settledMs: result.settledMs,
      executions: result.executions,
      faults: [...nodes.flatMap((node) => node.unexpected), ...result.faults],
    };
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every node recovers by itself, soon after what it needs is back: it takes uploads again. */
async function untilWell(node: KeptNode, key: string, acknowledged: Acknowledged): Promise<void> {
  let tries = 0;
  await eventually(async () => {
    try {
      await upload(clientsOf(node), { key: `${key}-${++tries}`, size: 1000 }, acknowledged);
      return true;
    } catch {
      await pause(200);
      return undefined;
    }
  }, WELL_MS);
}

/** Draws trouble until the time is over, then waits until all of it has passed. */
async function makeTrouble(
  { postgres, nodes }: House,
  seed: number,
  forMs: number,
  log: (line: string) => void,
): Promise<ChaosResult["troubles"]> {
  const random = seeded(seed);
  const made = { "node killed": 0, "node stopped": 0, "connections cut": 0, "PostgreSQL killed": 0 };
  /** What is in trouble now is left alone until it is well again; the others may meet theirs at the same time. */
  const busy = new Map<unknown, Promise<void>>();
  const until = performance.now() + forMs;
  let failed: unknown;
  while (performance.now() < until && failed === undefined) {
    // Drawn whether they are used or not, so that a seed draws the same however long things take.
    const [which, whom, howLong, next] = [random(), random(), random(), random()];
    const trouble = which < 0.3 ? 0 : which < 0.6 ? 1 : which < 0.85 ? 2 : 3;
    const name = TROUBLES[trouble] ?? TROUBLES[0];
    const node = nodes[Math.floor(whom * nodes.length)];
    const target = trouble < 2 ? node : postgres;
    if (node && !busy.has(target)) {
      made[name]++;
      log(`${name}${trouble < 2 ? ` (${nodes.indexOf(node)})` : ""}`);
      const over = TROUBLE[name]({ postgres, node, howLong })
        .catch((error: unknown) => (failed = error))
        .then(() => void busy.delete(target));
      busy.set(target, over);
    }
    await pause(200 + next * 1800);
  }
  await Promise.all(busy.values());
  if (failed !== undefined) throw failed;
  return made;
}

type Occasion = { readonly postgres: PrivatePostgres; readonly node: KeptNode; readonly howLong: number };
/** Each resolves when what it broke is whole again. */
const TROUBLE: Readonly<Record<Trouble, (occasion: Occasion) => Promise<void>>> = {
  async "node killed"({ node, howLong }) {
    await node.kill();
    await pause(howLong * 2000);
    await node.start();
  },
  async "node stopped"({ node, howLong }) {
    node.signal("SIGSTOP");
    await pause(1000 + howLong * 4000);
    node.signal("SIGCONT");
  },
  async "connections cut"({ postgres, howLong }) {
    // From one in ten to all of them.
    const share = 0.1 + howLong;
    await runOn(
      postgres.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stepwell' and random() < ${share}`,
    );
  },
  async "PostgreSQL killed"({ postgres, howLong }) {
    await postgres.crash();
    await pause(howLong * 3000);
    await postgres.restart();
  },
};

/** Clients that upload and start on whichever node, and go on whatever they are answered. */
class Load {
  readonly #nodes: readonly KeptNode[];
  readonly #machineArn: string;
  readonly #acknowledged: Acknowledged;
  readonly #seed: number;
  going = true;
  refused = 0;

  constructor(nodes: readonly KeptNode[], machineArn: string, acknowledged: Acknowledged, seed: number) {
    this.#nodes = nodes;
    this.#machineArn = machineArn;
    this.#acknowledged = acknowledged;
    this.#seed = seed;
  }

  async run(loader: number): Promise<void> {
    const random = seeded(this.#seed * 1000 + loader);
    let uploaded: string | undefined;
    for (let n = 0; this.going; n++) {
      const node = this.#nodes[Math.floor(random() * this.#nodes.length)];
      const [name, pauseMs, patienceMs] = [`l${loader}-${n}`, random() * 150, 300 + Math.floor(random() ** 3 * 10_000)];
      // A node that is down, as a proxy in front would see it.
      const clients = node?.server?.clients;
      if (clients) {
        // Some callers give up on a node that stands still, which may do what they asked all the same.
        const patience = AbortSignal.timeout(patienceMs);
        try {
          if (n % 5 === 4 && uploaded !== undefined)
            await start(clients, this.#machineArn, { name, key: uploaded }, this.#acknowledged, patience);
          else {
            // Some larger than what lives in the commit.
            await upload(clients, { key: name, size: n % 7 === 0 ? 100_000 : 1000 }, this.#acknowledged, patience);
            uploaded = name;
          }
        } catch {
          this.refused++;
        }
      }
      await pause(pauseMs);
    }
  }
}

function clientsOf(node: KeptNode | undefined): Clients {
  if (!node?.server) throw new Error("the node is down");
  return node.server.clients;
}
