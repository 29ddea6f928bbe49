import { tellStory, type Story } from "../story/tell.ts";
import { ask } from "./client.ts";
import { readSettings, UsageError } from "./settings.ts";

/** `stepwell why s3://BUCKET/KEY`: exit code 0 if the story ended well, 1 if it came to a dead end. */
export async function why(args: readonly string[]): Promise<number> {
  const { settings, rest } = readSettings(args, process.env);
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(rest[0] ?? "") ?? [];
  if (bucket === undefined || key === undefined || rest.length !== 1)
    throw new UsageError("usage: stepwell why s3://BUCKET/KEY");
  const story = (await ask(settings, "flow", { bucket, key })) as Story;
  console.log(tellStory(story).join("\n"));
  return story.hops.some((hop) => hop.outcome === "dead end") ? 1 : 0;
}
