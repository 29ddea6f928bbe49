import type { Parts } from "../../flow.ts";

/** What tasks can reach in this process. */
export type Offered = {
  /** Whether a service, by the name of its room, is there. */
  readonly serves: (service: string) => boolean;
  /** `--allow-missing-services`: a machine may name services that are not there; its tasks fail when they come to them. */
  readonly allowMissing: boolean;
};

/** Asked at run time, since rooms are put together after this one was made. */
export function offeredBy(parts: Parts, allowMissing: boolean): Offered {
  return { serves: (service) => parts.serves?.(service) ?? true, allowMissing };
}

/** Why a task cannot run; AWS has no such sentence. */
export function absentSentence(service: string, resource: string): string {
  return `Stepwell has no service '${service}' yet, so '${resource}' cannot run`;
}
