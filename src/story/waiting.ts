import type { Hop } from "../relay/story.ts";
import type { WaitingWork } from "../relay/waiting.ts";

/** The hop that the work is to bring about. */
const HOPS: Readonly<Record<WaitingWork["kind"], Hop["hop"]>> = { call: "record", event: "rule", delivery: "delivery" };

/** A line of the story for work that still waits: since when, which try is next, and what the last one met. Pure. */
export function waitingHop(work: WaitingWork, subjects: { readonly object: string; readonly bus: string }): Hop {
  const subject = { call: subjects.object, event: work.key.startsWith("arn:") ? work.key : subjects.bus };
  const [failure] = work.failure?.split("\n") ?? [];
  const facts = [`waiting since ${iso(work.since)}`, `attempt ${work.attempt} is due at ${iso(work.due_at)}`];
  if (failure) facts.push(`the last one failed: ${failure}`);
  return {
    hop: HOPS[work.kind],
    at: work.since,
    subject: work.kind === "delivery" ? work.key : subject[work.kind],
    outcome: "waiting",
    reason: facts.join("; "),
  };
}

const iso = (at: number): string => new Date(at).toISOString();
