/** What a process of the bench has used, as the kernel tells it. */
import { readFileSync } from "node:fs";
import type { Server } from "./processes.ts";

/** Linux counts processor time in hundredths of a second. */
const TICKS_A_SECOND = 100;

/** Seconds of processor time, of all threads, since it began. */
export function cpuSeconds({ child }: Server): number {
  // The name of the program stands in parentheses and may hold spaces; utime and stime are the 12th and 13th after it.
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

export function residentMegabytes(server: Server): number {
  return megabytes(server, "VmRSS");
}
export function mostResidentMegabytes(server: Server): number {
  return megabytes(server, "VmHWM");
}

function megabytes({ child }: Server, name: string): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}
