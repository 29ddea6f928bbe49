/**
 * `npm run build`: writes dist/, what the published package runs, because Node strips no types inside node_modules, and
 * the declarations of what it exports.
 */
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
rmSync(at("dist"), { recursive: true, force: true });
for (const project of ["tsconfig.build.json", "tsconfig.asl.json"]) {
  const compiled = spawnSync(process.execPath, [at("node_modules/typescript/bin/tsc"), "-p", at(project)], {
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}
cpSync(at("src/store/migrations"), at("dist/store/migrations"), { recursive: true });
