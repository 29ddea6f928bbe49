import { fault } from "../wire/fault.ts";

/** An event bus as requests name it. */
export type BusName = {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
};

/** A bus by name or ARN; the default bus of the caller's account and region if nothing is said. */
export function busNamed(text: string | undefined, account: string, region: string): BusName {
  if (text === undefined) return busOf(account, region, "default");
  const found = /^arn:aws[a-z-]*:events:([a-z0-9-]+):(\d{12}):event-bus\/(.+)$/.exec(text);
  if (found) return busOf(found[2] ?? "", found[1] ?? "", found[3] ?? "");
  if (text.startsWith("arn:")) throw invalid("EventBusName", "Provided Arn is not in correct format.");
  return busOf(account, region, text);
}

/** A bus that belongs to the caller: what is managed is one's own. */
export function ownBus(text: string | undefined, account: string, region: string): BusName {
  const bus = busNamed(text, account, region);
  if (bus.account !== account || bus.region !== region)
    throw fault(
      "NotImplementedException",
      `Stepwell does not implement managing rules on the event bus of another account or Region (${bus.arn}).`,
      { status: 501 },
    );
  return bus;
}

export function busOf(account: string, region: string, name: string): BusName {
  return { arn: `arn:aws:events:${region}:${account}:event-bus/${name}`, account, region, name };
}

/** `…:rule/NAME` on the default bus, `…:rule/BUS/NAME` on another. */
export function ruleArn(bus: BusName, name: string): string {
  const path = bus.name === "default" ? name : `${bus.name}/${name}`;
  return `arn:aws:events:${bus.region}:${bus.account}:rule/${path}`;
}

/** The rule or bus that an ARN names; undefined if it is none. */
export function resourceOf(arn: string): { readonly bus: BusName; readonly rule: string | undefined } | undefined {
  const found = /^arn:aws[a-z-]*:events:([a-z0-9-]+):(\d{12}):(rule|event-bus)\/(.+)$/.exec(arn);
  if (!found) return undefined;
  const [, region = "", account = "", kind, path = ""] = found;
  if (kind === "event-bus") return { bus: busOf(account, region, path), rule: undefined };
  const slash = path.lastIndexOf("/");
  if (slash < 0) return { bus: busOf(account, region, "default"), rule: path };
  return { bus: busOf(account, region, path.slice(0, slash)), rule: path.slice(slash + 1) };
}

/** AWS's sentence for a parameter that cannot be. */
function invalid(parameter: string, reason: string): Error {
  return fault("ValidationException", `Parameter ${parameter} is not valid. Reason: ${reason}`, { status: 400 });
}
