import { createReadStream, existsSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { systemClock } from "../clock/system.ts";
import type { Blobs } from "../store/blobs.ts";
import { openDatabase } from "../store/database.ts";
import { openDirectory } from "../store/directory.ts";
import { migrationFiles } from "../store/migrate.ts";
import { exportLines } from "../store/moving/export.ts";
import { checkExport, importLines } from "../store/moving/import.ts";
import { linesOf, type Totals } from "../store/moving/lines.ts";
import type { Store } from "../store/store.ts";
import { endpointIn } from "./env.ts";
import { readSettings, UsageError, type Settings } from "./settings.ts";
import { blobsOf, setUpError } from "./start.ts";

type Place = { readonly store: Store; readonly blobs: Blobs; readonly close: () => Promise<void> };

/** `stepwell export FILE|DIR|-`: all of an installation at rest in one checksummed file. */
export async function exportAll(args: readonly string[]): Promise<number> {
  const { settings, path } = read(args, "export");
  if (settings.database === undefined && !existsSync(join(settings.data, "stepwell.db")))
    throw new UsageError(`there is no Stepwell in ${settings.data}: name its directory with --data.`);
  const place = await openPlace(settings);
  try {
    let totals: Totals | undefined;
    const lines = exportLines({ ...place, migrations: migrationFiles() }, new Date(), (found) => (totals = found));
    if (path === "-") await pipeline(Readable.from(lines), process.stdout);
    else await writeFile(path, lines);
    if (totals) console.error(`exported ${told(totals)}${path === "-" ? "" : ` to ${path}`}`);
    return 0;
  } finally {
    await place.close();
  }
}

/** `stepwell import FILE|DIR`: an export into a new, empty installation. */
export async function importAll(args: readonly string[]): Promise<number> {
  const { settings, path } = read(args, "import");
  if (path === "-") throw new UsageError("import reads its file twice, first to verify it: name a file.");
  if (!existsSync(path)) throw new UsageError(`${path} does not exist.`);
  try {
    // Nothing is written before the whole file has been seen to be sound.
    await checkExport(linesIn(path), migrationFiles());
    const place = await openPlace(settings);
    try {
      const totals = await importLines({ ...place, migrations: migrationFiles() }, linesIn(path), systemClock.uuid());
      console.error(`imported ${told(totals)} from ${path}`);
      return 0;
    } finally {
      await place.close();
    }
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "BadExport" || name === "NotEmpty" || name === "BlobsMisplaced") throw new UsageError(message);
    throw error;
  }
}

function read(args: readonly string[], command: string): { readonly settings: Settings; readonly path: string } {
  const { settings, rest } = readSettings(args, process.env);
  const [path] = rest;
  if (path === undefined || rest.length !== 1)
    throw new UsageError(`usage: stepwell ${command} FILE (a name ending in .gz is compressed) or DIR`);
  const folder = existsSync(path) && statSync(path).isDirectory();
  return { settings, path: folder ? join(path, "stepwell.jsonl.gz") : path };
}

async function openPlace(settings: Settings): Promise<Place> {
  const running = endpointIn(settings.data);
  try {
    const { blobs } = await blobsOf(settings);
    const { data, database } = settings;
    const place = database === undefined ? openDirectory(data) : await openDatabase(database, data);
    return { ...place, blobs: blobs ?? place.blobs };
  } catch (error) {
    if (running !== undefined && (error as Error).name === "DirectoryInUse")
      throw new UsageError(`Stepwell runs on ${settings.data} (${running}): stop it first.`);
    throw setUpError(error, settings);
  }
}

/** The file has its name only when it is whole and on the disk. */
async function writeFile(path: string, lines: AsyncIterable<string>): Promise<void> {
  const temporary = `${path}.part`;
  const file = await open(temporary, "w", 0o600);
  try {
    const out = file.createWriteStream({ flush: true });
    const through: Duplex[] = path.endsWith(".gz") ? [createGzip()] : [];
    await pipeline([Readable.from(lines), ...through, out]);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function linesIn(path: string): AsyncIterable<string> {
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  if (!path.endsWith(".gz")) return linesOf(file);
  const plain = createGunzip();
  file.once("error", (error) => plain.destroy(error));
  return linesOf(file.pipe(plain));
}

function told({ tables, rows, blobs, bytes }: Totals): string {
  return `${rows} rows of ${tables} tables and ${blobs} blobs with ${bytes} bytes`;
}
