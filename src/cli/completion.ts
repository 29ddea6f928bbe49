import { COMMANDS } from "./commands.ts";
import { OPTIONS, UsageError } from "./settings.ts";

/** Prints a completion script: `source <(stepwell completion bash)`. */
export async function completion([shell = ""]: readonly string[]): Promise<number> {
  const commands = Object.keys(COMMANDS);
  const flags = OPTIONS.map(({ flag }) => `--${flag}`);
  const scripts: Readonly<Record<string, string>> = {
    bash: `complete -W "${[...commands, ...flags].join(" ")}" stepwell`,
    zsh: `#compdef stepwell\n_arguments '1:command:(${commands.join(" ")})' ${OPTIONS.map(({ flag, value, help }) => `'--${flag}${value === "" ? "" : "="}[${help.replaceAll("'", "")}]'`).join(" ")}`,
    fish: [
      ...Object.entries(COMMANDS).map(
        ([name, { help }]) => `complete -c stepwell -n __fish_use_subcommand -a ${name} -d "${help}"`,
      ),
      ...OPTIONS.map(
        ({ flag, value, help }) => `complete -c stepwell -l ${flag}${value === "" ? "" : " -r"} -d "${help}"`,
      ),
    ].join("\n"),
  };
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
  if (script === undefined) throw new UsageError("completion takes bash, zsh or fish.");
  console.log(script);
  return 0;
}
