import { exportsText } from "./env.ts";
import { versionText } from "./help.ts";
import { readSettings, UsageError, type Settings } from "./settings.ts";
import { startNode, untilStopped } from "./start.ts";

/** `stepwell serve`: serves until it is told to stop, then drains. */
export async function serve(args: readonly string[]): Promise<number> {
  const { settings, rest } = readSettings(args, process.env);
  if (rest.length > 0) throw new UsageError(`serve takes options only, not "${rest[0]}". "stepwell help" lists them.`);
  const stopped = untilStopped();
  const { node, url } = await startNode(settings);
  console.log(banner(settings, url, node.key));
  await stopped;
  console.log("stopping: finishing what is under way (Ctrl-C again leaves at once)");
  await node.close();
  return 0;
}

function banner(
  settings: Settings,
  url: string,
  key: { readonly made: boolean; readonly accessKeyId: string; readonly secretAccessKey: string },
): string {
  const lines = [`Stepwell ${versionText()} serves at ${url}, data in ${settings.data}`];
  if (settings.auth === "off")
    lines.push(
      "WARNING: --auth=off: signatures and policies are not checked, everybody who reaches the port may do everything",
    );
  else lines.push("signatures and IAM policies are checked");
  if (!/^(127\.[\d.]+|::1|localhost)$/.test(settings.listen))
    lines.push(
      `reachable from other machines: it listens on ${settings.listen}${settings.tlsCert === undefined ? " without TLS" : ""}`,
    );
  if (key.made)
    lines.push(
      "",
      "The administrator's key was made now; `stepwell env` prints it again:",
      exportsText(url, key, settings.region),
    );
  else lines.push("`stepwell env` prints the exports that aim the AWS CLI and SDKs here");
  return lines.join("\n");
}
