/** A story as lines for a terminal. Pure. */
import type { Hop } from "../relay/story.ts";

/** What the flow endpoint answers. */
export type Story = {
  readonly trace: string;
  /** `s3://bucket/key` */
  readonly subject: string;
  readonly hops: readonly ToldHop[];
};
export type ToldHop = Hop & {
  /** Milliseconds since the story began. */
  readonly latencyMs: number;
};

const MARKS: Readonly<Record<Hop["outcome"], string>> = { ok: "✓", "dead end": "✗", waiting: "…" };

/** One line a hop: a mark, what it is, how long after the beginning, whom it concerns, and why the story ends there. */
export function tellStory(story: Story): string[] {
  const latencies = story.hops.map((hop) => `${hop.latencyMs} ms`);
  const width = Math.max(0, ...latencies.map((text) => text.length));
  const lines = story.hops.map((hop, index) => {
    const words = [
      MARKS[hop.outcome],
      hop.hop.padEnd(9),
      (latencies[index] ?? "").padStart(width),
      printable(hop.subject),
    ];
    if (hop.outcome !== "ok") words.push(`— ${hop.outcome}${hop.reason ? `: ${printable(hop.reason)}` : ""}`);
    else if (hop.reason) words.push(`— ${printable(hop.reason)}`);
    return `  ${words.join("  ")}`;
  });
  return [`${printable(story.subject)}  (trace ${printable(story.trace)})`, ...lines];
}

/** Keys may hold any character; a terminal must not be steered by one, nor a line be broken. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${code}`;
  });
}
