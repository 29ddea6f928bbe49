import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock/system.ts";
import { openNode, type StepwellNode } from "../node.ts";
import type { Parts } from "../flow.ts";
import type { Blobs } from "../store/blobs.ts";
import { FileBlobs } from "../store/files.ts";
import { openS3Blobs } from "../store/s3-blobs.ts";
import { s3PlaceOf } from "../store/s3-place.ts";
import { UsageError, type Settings } from "./settings.ts";

const LEVELS = ["info", "warn", "error"];

/** One JSON object a line on stderr, from the level on that was asked for. */
export function jsonLog(least: Settings["log"]): Parts["log"] {
  return (level, message, facts) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...facts })}\n`);
  };
}

/** Opens the node that the settings describe and serves. Set-up errors become one line that says what to do. */
export async function startNode(settings: Settings): Promise<{ node: StepwellNode; url: string }> {
  const { accessKeyId, secretAccessKey } = settings;
  let node: StepwellNode;
  try {
    node = await openNode({
      ...(await blobsOf(settings)),
      data: settings.data,
      database: settings.database,
      account: settings.account,
      region: settings.region,
      auth: settings.auth,
      allowMissingServices: settings.allowMissingServices,
      clock: systemClock,
      log: jsonLog(settings.log),
      metricsToken: process.env["STEPWELL_METRICS_TOKEN"],
      trailFlushMs: settings.trailFlushSeconds * 1000,
      ...(accessKeyId !== undefined && secretAccessKey !== undefined ? { key: { accessKeyId, secretAccessKey } } : {}),
    });
  } catch (error) {
    throw setUpError(error, settings);
  }
  try {
    const tls =
      settings.tlsCert !== undefined && settings.tlsKey !== undefined
        ? { cert: readFileSync(settings.tlsCert, "utf8"), key: readFileSync(settings.tlsKey, "utf8") }
        : undefined;
    const { port } = await node.listen(settings.listen, settings.port, tls);
    const url = `${tls ? "https" : "http"}://${hostOf(settings.listen, tls !== undefined)}:${port}`;
    const endpoint = join(settings.data, "endpoint");
    writeFileSync(endpoint, url, { mode: 0o600 });
    const close = async (): Promise<void> => {
      rmSync(endpoint, { force: true });
      await node.close();
    };
    return { node: { ...node, close }, url };
  } catch (error) {
    await node.close();
    throw setUpError(error, settings);
  }
}

/** The blob store that the settings name, if it is not in the data directory. */
export async function blobsOf({ blobs, blobsEndpoint, database, log }: Settings): Promise<{ readonly blobs?: Blobs }> {
  if (blobs === undefined && database !== undefined)
    throw new UsageError(
      "--database wants --blobs too: a directory that all nodes share, or s3://bucket/prefix. In a node's own data directory the other nodes would not find large objects. A single node may be given any directory.",
    );
  if (blobs === undefined) return {};
  if (!/^[a-z0-9]+:/.test(blobs)) return { blobs: new FileBlobs(blobs) };
  return { blobs: await openS3Blobs(s3PlaceOf(blobs, blobsEndpoint, process.env), systemClock, jsonLog(log)) };
}

/**
 * What clients on this machine call the address. An IP address makes every SDK put the bucket into the path; after a
 * name they would ask for `bucket.localhost`, which not every machine resolves. Certificates are made for names.
 */
function hostOf(address: string, secure: boolean): string {
  if (secure && LOCAL.has(address)) return "localhost";
  if (address === "0.0.0.0") return "127.0.0.1";
  if (address === "::") return "[::1]";
  return address.includes(":") ? `[${address}]` : address;
}
const LOCAL = new Set(["127.0.0.1", "::1", "localhost", "0.0.0.0", "::"]);

/** What went wrong while the parts were opened, as one line that says what to do; what nobody can mend, as it is. */
export function setUpError(error: unknown, { data, port, listen }: Settings): unknown {
  const { code, name, message, path } = error as NodeJS.ErrnoException;
  if (name === "BlobsMisplaced" || name === "DatabaseMisplaced") return new UsageError(message);
  if (name === "DirectoryInUse") return new UsageError(`${message}. Stop it, or choose another directory with --data.`);
  if (code === "EADDRINUSE")
    return new UsageError(`port ${port} on ${listen} is taken. Choose another with --port, or 0 for a free one.`);
  if (code === "EADDRNOTAVAIL")
    return new UsageError(`this machine has no address ${listen}; --listen takes one of its own.`);
  if (code === "EACCES" || code === "EROFS" || code === "EPERM")
    return new UsageError(
      `${path ?? data} cannot be written (${code}). Choose another directory with --data or --blobs, or mend its permissions.`,
    );
  if (code === "EEXIST" || code === "ENOTDIR")
    return new UsageError(`${data} is not a directory. Choose another with --data.`);
  if (code?.startsWith("ERR_OSSL_") || code?.startsWith("ERR_SSL_"))
    return new UsageError(`the TLS certificate or key cannot be used (${message}). Both are PEM files.`);
  if (code === "ENOENT") return new UsageError(`${path ?? "a file"} does not exist.`);
  return error;
}

/** Resolves at the first SIGINT or SIGTERM; a second one leaves at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
