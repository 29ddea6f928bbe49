/** Which trail a request means: names are of the request's region, ARNs of any region of the caller's account. */
import type { CallFacts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { trailNamed, trailsOf } from "./rows.ts";
import { trailArn, trailPlace, unknownTrail, type Trail } from "./trails.ts";

/** A trail to look at. A multi-region trail is seen in every region under its name. */
export async function trailToRead(reader: Reader, nameOrArn: string, facts: CallFacts): Promise<Trail> {
  const place = trailPlace(nameOrArn, facts);
  if (place.account !== facts.account) throw unknownTrail(place, facts.account);
  const found =
    (await trailNamed(reader, place)) ??
    (nameOrArn.startsWith("arn:") ? undefined : await shadowTrail(reader, place.name, facts));
  if (!found) throw unknownTrail(place, facts.account);
  return found;
}

/** A trail to change: "this operation can only be called from the Region in which the trail was created". */
export async function trailToChange(reader: Reader, nameOrArn: string, facts: CallFacts): Promise<Trail> {
  const trail = await trailToRead(reader, nameOrArn, facts);
  if (trail.region !== facts.region)
    throw fault(
      "InvalidHomeRegionException",
      `The trail ${trailArn(trail)} must be changed in its home region ${trail.region}.`,
    );
  return trail;
}

async function shadowTrail(reader: Reader, name: string, facts: CallFacts): Promise<Trail | undefined> {
  const trails = await trailsOf(reader, facts.account);
  return trails.find((trail) => trail.name === name && trail.settings.multiRegion);
}

/** What a region's DescribeTrails shows: its own trails, and the multi-region trails of the others. */
export async function trailsIn(reader: Reader, facts: CallFacts, shadows: boolean): Promise<Trail[]> {
  const trails = await trailsOf(reader, facts.account);
  return trails.filter((trail) => trail.region === facts.region || (shadows && trail.settings.multiRegion));
}
