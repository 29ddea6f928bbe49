/** A one-node Ceph on loopback, in memory, with its S3 gateway: the blob store that is not ours. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { freePort } from "./free-port.ts";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Ceph = {
  readonly endpoint: string;
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): void;
};
const PROGRAMS = ["ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool"];
const KEY = { accessKeyId: "CEPHCEPHCEPHCEPHCEPH", secretAccessKey: "ceph-secret-ceph-secret-ceph-secret-0000" };

/** Why there is no Ceph here, if there is none; installs Debian's where it can. */
export function whyNoCeph(): string | undefined {
  const missing = (): string | undefined => PROGRAMS.find((program) => !existsSync(join("/usr/bin", program)));
  if (!missing()) return undefined;
  if (process.getuid?.() !== 0) return `${missing()} is missing, and only root may install it`;
  // Runlevel 1 keeps Debian's packages from starting services that nobody here asked for.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const packages = ["radosgw", "ceph-mon", "ceph-mgr", "ceph-osd", "ceph-common"];
  const options = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  const { status, stderr } = spawnSync("apt-get", options, { env, encoding: "utf8", timeout: 300_000 });
  return missing()
    ? `Debian's radosgw cannot be had (apt-get ended with ${status}): ${stderr ?? ""}`.trim()
    : undefined;
}

/** Starts monitor, manager, one object store in memory, and the gateway. Takes about fifteen seconds. */
export async function startCeph(): Promise<Ceph> {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-ceph-"));
  const [monitor, gateway] = [await freePort(), await freePort()];
  const configuration = join(folder, "ceph.conf");
  const id = randomUUID();
  for (const name of ["mon", "mgr", "osd", "rgw"]) mkdirSync(join(folder, name));
  writeFileSync(configuration, settings(folder, id, monitor, gateway));
  const run = (program: string, ...options: string[]): string => ran(program, ["-c", configuration, ...options]);
  const children: ChildProcess[] = [];
  const start = (program: string, ...options: string[]): void =>
    void children.push(spawn(program, ["-c", configuration, ...options, "-f"], { stdio: "ignore" }));
  const close = (): void => {
    process.off("exit", close);
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", close);
  try {
    await bringUp({ run, start, folder, id, monitor, gateway });
  } catch (error) {
    close();
    throw error;
  }
  return { endpoint: `http://127.0.0.1:${gateway}`, key: KEY, close };
}

type Making = {
  readonly run: (program: string, ...options: string[]) => string;
  readonly start: (program: string, ...options: string[]) => void;
  readonly folder: string;
  readonly id: string;
  readonly monitor: number;
  readonly gateway: number;
};
async function bringUp({ run, start, folder, id, monitor, gateway }: Making): Promise<void> {
  const map = join(folder, "monmap");
  ran("monmaptool", ["--create", "--fsid", id, "--addv", "a", `[v1:127.0.0.1:${monitor}]`, map]);
  run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map);
  start("ceph-mon", "-i", "a");
  // A young monitor refuses now and then; what it is asked here may be asked again.
  const asked = (...options: string[]): string => {
    const all = ["-c", join(folder, "ceph.conf"), "--connect-timeout", "5", ...options];
    const { status, stdout } = spawnSync("ceph", all, { encoding: "utf8", timeout: 60_000 });
    return status === 0 ? stdout || "done" : "";
  };
  await until(() => asked("health") !== "");
  start("ceph-mgr", "-i", "x");
  const disk = randomUUID();
  await until(() => asked("osd", "new", disk) !== "");
  run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk);
  start("ceph-osd", "-i", "0");
  await until(() => asked("osd", "stat").includes("1 up"));
  start("radosgw", "-n", "client.rgw");
  await until(() =>
    fetch(`http://127.0.0.1:${gateway}`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const user = ["--uid=stepwell", "--display-name=stepwell"];
  const keys = [`--access-key=${KEY.accessKeyId}`, `--secret=${KEY.secretAccessKey}`];
  run("radosgw-admin", "user", "create", ...user, ...keys);
}

function settings(folder: string, id: string, monitor: number, gateway: number): string {
  return `[global]
fsid = ${id}
mon_host = [v1:127.0.0.1:${monitor}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_bind_msgr2 = false
mon_data = ${folder}/mon
mon_allow_pool_size_one = true
mgr_data = ${folder}/mgr
mgr_initial_modules =
osd_data = ${folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
rgw_data = ${folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${gateway}
log_file = ${folder}/$name.log
admin_socket = ${folder}/$name.asok
pid_file = ${folder}/$name.pid
run_dir = ${folder}
`;
}

function ran(program: string, options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, options, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout;
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await check())) {
    if (performance.now() - started > 60_000) throw new Error("Ceph did not come up within a minute");
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
