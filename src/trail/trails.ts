/** A trail and its names, ARNs and limits. Pure. */
import type { AdvancedEventSelector, EventSelector } from "@aws-sdk/client-cloudtrail";
import { fault } from "../wire/fault.ts";

export const SERVICE = "cloudtrail.amazonaws.com";
export const TRAILS_PER_REGION = 5;
export const TAGS_PER_TRAIL = 50;

/** What a trail records. One of the two styles; neither means AWS's default: management events, read and write. */
export type Selectors =
  | { readonly style: "basic"; readonly selectors: readonly EventSelector[] }
  | { readonly style: "advanced"; readonly selectors: readonly AdvancedEventSelector[] };

export type Trail = {
  /** Names this incarnation: a trail that is deleted and made again under the same name is another one. */
  readonly id: string;
  readonly account: string;
  /** The home region. */
  readonly region: string;
  readonly name: string;
  readonly logging: boolean;
  readonly settings: Settings;
};
export type Settings = {
  readonly bucket: string;
  readonly prefix?: string;
  readonly multiRegion: boolean;
  readonly globalEvents: boolean;
  readonly selectors?: Selectors;
  readonly tags: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly startedAt?: number;
  readonly stoppedAt?: number;
};

export function trailArn(trail: { readonly account: string; readonly region: string; readonly name: string }): string {
  return `arn:aws:cloudtrail:${trail.region}:${trail.account}:trail/${trail.name}`;
}

/** A name or an ARN, as callers give it: whose trail it is. */
export function trailPlace(
  nameOrArn: string,
  caller: { readonly account: string; readonly region: string },
): { readonly account: string; readonly region: string; readonly name: string } {
  if (!nameOrArn.startsWith("arn:")) {
    checkName(nameOrArn);
    return { account: caller.account, region: caller.region, name: nameOrArn };
  }
  const parsed = /^arn:aws:cloudtrail:([a-z0-9-]+):(\d{12}):trail\/(.+)$/.exec(nameOrArn);
  const [, region, account, name] = parsed ?? [];
  if (region === undefined || account === undefined || name === undefined)
    throw fault("CloudTrailARNInvalidException", `Invalid trail ARN: ${nameOrArn}`);
  return { account, region, name };
}

/** Throws InvalidTrailNameException with AWS's sentences. */
export function checkName(name: string): void {
  const wrong = (sentence: string): never => {
    throw fault("InvalidTrailNameException", sentence);
  };
  if (name.length < 3)
    wrong(
      `Trail name too short. Minimum allowed length: 3 characters. Specified name length: ${name.length} characters.`,
    );
  if (name.length > 128)
    wrong(
      `Trail name too long. Maximum allowed length: 128 characters. Specified name length: ${name.length} characters.`,
    );
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    wrong(
      "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).",
    );
  if (!/^[A-Za-z0-9]/.test(name)) wrong("Trail name must start with a letter or number.");
  if (!/[A-Za-z0-9]$/.test(name)) wrong("Trail name must end with a letter or number.");
  if (/[._-]{2}/.test(name)) wrong("Trail name cannot have adjacent periods, hyphens or underscores.");
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)) wrong("Trail name must not be in IP address format.");
}

export function checkBucketName(bucket: string): void {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw fault("InvalidS3BucketNameException", `Bucket name is not valid: ${bucket}`);
}

export function checkPrefix(prefix: string): void {
  if (prefix.length > 200) throw fault("InvalidS3PrefixException", "The S3 prefix is longer than 200 characters.");
  if (prefix.startsWith("/") || prefix.endsWith("/"))
    throw fault("InvalidS3PrefixException", `The S3 prefix must not begin or end with a slash: ${prefix}`);
}

export function unknownTrail(
  place: { readonly account: string; readonly region: string; readonly name: string },
  user: string,
) {
  return fault("TrailNotFoundException", `Unknown trail: ${trailArn(place)} for the user: ${user}`);
}

/** `[prefix/]AWSLogs/ACCOUNT/CloudTrail/` */
export function logFolder(prefix: string | undefined, account: string): string {
  return `${prefix ? `${prefix}/` : ""}AWSLogs/${account}/CloudTrail/`;
}

const two = (part: number): string => String(part).padStart(2, "0");

/** The key of a log file, as every tool that reads CloudTrail expects it. */
export function logFileKey(
  file: { readonly prefix?: string | undefined; readonly account: string; readonly region: string },
  ms: number,
  unique: string,
): string {
  const date = new Date(ms);
  const [year, month, day] = [String(date.getUTCFullYear()), two(date.getUTCMonth() + 1), two(date.getUTCDate())];
  const stamp = `${year}${month}${day}T${two(date.getUTCHours())}${two(date.getUTCMinutes())}Z`;
  return `${logFolder(file.prefix, file.account)}${file.region}/${year}/${month}/${day}/${file.account}_CloudTrail_${file.region}_${stamp}_${unique}.json.gz`;
}
