/**
 * The spine. What travels through Stepwell, in the order it travels:
 *
 *   Call        one AWS request, admitted at the gate: who asked, for what, from where
 *   TrailRecord what CloudTrail says of a finished Call
 *   Event       what EventBridge routes: an envelope and a detail
 *   Delivery    one Event on its way to one target of one rule
 *   Execution   a run of a state machine that a Delivery (or anyone) started
 *   HistoryEvent what happened in an Execution
 *   Hop         one line of the story that the flow record tells of a trace
 *
 * Rooms never import each other; they meet in these types, in the relay, and in `Call.call`, the inside door.
 */
import type { Clock } from "./clock/clock.ts";
import type { Relay } from "./relay/relay.ts";
import type { Tell } from "./relay/story.ts";
import type { Blobs } from "./store/blobs.ts";
import type { Reader, Store, Transaction } from "./store/store.ts";

/** What every room is built from. `call` works only once the node is put together. */
export type Parts = {
  readonly store: Store;
  readonly relay: Relay;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly call: InsideDoor;
  /** Whether a service is there, by the name of its room. Works, as `call`, once the node is put together. */
  readonly serves?: (service: string) => boolean;
  /** What the inside door asks before a call: throws AccessDenied unless the caller may do all of it. For effects that are no call. */
  readonly authorize?: InsideQuestion;
  /** What an EventBridge connection adds to a request, by its ARN; only for those who make the request. */
  readonly connection?: (arn: string) => Promise<ConnectionSecrets | undefined>;
  /** The installation's default account (12 digits) and region. */
  readonly account: string;
  readonly region: string;
  /** One structured line to the log; never a secret. */
  readonly log: (level: "info" | "warn" | "error", message: string, facts?: Readonly<Record<string, unknown>>) => void;
};

/** Who makes a call. ARNs are what AWS writes in `userIdentity.arn` and in denial sentences. */
export type Principal =
  | {
      readonly kind: "root";
      readonly account: string;
      readonly arn: string;
      readonly id: string;
      readonly accessKeyId: string;
    }
  | {
      readonly kind: "user";
      readonly account: string;
      readonly arn: string;
      readonly id: string;
      readonly name: string;
      readonly accessKeyId: string;
    }
  | {
      readonly kind: "session";
      readonly account: string;
      /** arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
      readonly arn: string;
      /** AROA…:SESSION */
      readonly id: string;
      readonly roleArn: string;
      readonly roleName: string;
      readonly sessionName: string;
      /** Empty for the sessions that services make for themselves. */
      readonly accessKeyId: string;
      /** Milliseconds. */
      readonly createdAt: number;
      /** A session policy given to AssumeRole, as JSON text. */
      readonly policy?: string;
      /** `events.amazonaws.com` when a service assumed the role to act for a resource. */
      readonly invokedBy?: string;
      readonly tags?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: "service";
      readonly account: string;
      readonly service: string;
      readonly sourceArn?: string;
      readonly sourceAccount?: string;
    }
  | { readonly kind: "anonymous"; readonly account: "" };

/** Where a call came from, as far as records and conditions want to know. */
export type Source = {
  readonly ip: string;
  readonly userAgent: string;
  /** The Host header. */
  readonly host: string;
  readonly secure: boolean;
  readonly signature: "AuthHeader" | "QueryString" | "none";
  /** Bytes of body received and sent. Filled in as they become known. */
  readonly bytesIn: number;
  /** The `X-Amz-*` query parameters of a presigned request, as sent; records name them (never the signature or the credential). */
  readonly signedQuery?: Readonly<Record<string, string>>;
};

/** What is known of a call before its handler runs. */
export type CallFacts = {
  readonly requestId: string;
  /** Follows everything that this call causes. */
  readonly trace: string;
  /** The room: `s3`, `events`, `states`, `trail`, `iam`, `sts`, … */
  readonly service: string;
  /** `s3.amazonaws.com` */
  readonly eventSource: string;
  readonly operation: string;
  /** True if the operation changes nothing. */
  readonly readOnly: boolean;
  /** The caller's account, and the region of the request: new resources belong there. */
  readonly account: string;
  readonly region: string;
  readonly principal: Principal;
  readonly source: Source;
  /** When the request began, in milliseconds. */
  readonly at: number;
};

/** What a handler gets beside its input. */
export type Call = CallFacts & {
  /** Committed rows; within an inside call that shares a transaction, also the uncommitted ones of that transaction. */
  read<T>(work: (reader: Reader) => Promise<T>): Promise<T>;
  /**
   * The handler's one transaction. What `work` returns is the operation's output; the call's trail record and all
   * that it causes ride in the same commit. Resolves when the commit is durable. Do the slow things before it
   * (read the body, hash, write the blob), and answer with what it resolves to.
   */
  commit<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Throws AccessDenied unless the caller may do `action` on `resource`; for checks that `access` cannot know beforehand. */
  authorize(access: Access): Promise<void>;
  /** Throws unless the caller may pass the role to the service (`states.amazonaws.com`) and the role exists. An empty arn is refused too. */
  passRole(roleArn: string, service: string, associatedResourceArn?: string): Promise<void>;
  /** The inside door, as this call's principal unless `as` says otherwise. */
  readonly call: InsideDoor;
};

/** One permission that an operation needs. */
export type Access = {
  /** `states:StartExecution` */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** The account that owns the resource, when it is not the caller's own. */
  readonly owner?: string;
  /** A policy on the resource itself, as JSON text (a bucket policy, a bus policy, a role's trust). */
  readonly resourcePolicy?: string;
  /** Condition keys that only the service knows, lower-cased keys: `s3:prefix`. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
};

/**
 * Every effect is an AWS call: makes one from inside the process. It passes the same checks, records and limits as a
 * call over the wire. Faults are thrown as `AwsFault` (see wire/fault.ts).
 */
export type InsideDoor = <Output = unknown>(request: {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  readonly as: Caller;
  readonly trace: string;
  readonly region: string;
  /** Joins this transaction instead of making its own. */
  readonly transaction?: Transaction;
}) => Promise<Output>;

/** May the caller do this? Throws AWS's sentence if not. */
export type InsideQuestion = (request: {
  readonly service: string;
  readonly operation: string;
  readonly access: readonly Access[];
  readonly as: Caller;
  readonly trace: string;
  readonly region: string;
}) => Promise<void>;

/** What an EventBridge connection adds to a request; without `authorization` it was deauthorised. */
export type ConnectionSecrets = {
  readonly secretArn: string;
  readonly authorization?: {
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly query: readonly (readonly [name: string, value: string])[];
    readonly body: readonly (readonly [name: string, value: string])[];
  };
};

/** In whose name an inside call is made. */
export type Caller =
  | { readonly kind: "principal"; readonly principal: Principal }
  /** The service assumes the role first (trust policy checked, an AssumeRole record written) and acts as the session. */
  | {
      readonly kind: "role";
      readonly roleArn: string;
      readonly service: string;
      readonly sessionName: string;
      readonly sourceArn: string;
      readonly account: string;
    }
  /** The service acts as itself: resource policies decide. */
  | { readonly kind: "service"; readonly service: string; readonly sourceArn: string; readonly account: string };

/** Work kind `call`: a finished call, on its way to the trail. Plain data. */
export type FinishedCall = CallFacts & {
  readonly input: unknown;
  /** What the handler returned; absent on failure. Bodies and streams are left out. */
  readonly output?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  /** Resources the call touched, as CloudTrail lists them; the handler's service says (ServiceDefinition.resources). */
  readonly resources: readonly { readonly type: string; readonly arn: string; readonly account?: string }[];
  /** Extra members of additionalEventData that the service knows (S3: bytesTransferredIn …). */
  readonly additional?: Readonly<Record<string, unknown>>;
};

/** A CloudTrail record; trail.md §4 has it field by field. */
export type TrailRecord = Readonly<Record<string, unknown>> & {
  readonly eventID: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: string;
  readonly awsRegion: string;
  readonly readOnly: boolean;
  readonly managementEvent: boolean;
  readonly recipientAccountId: string;
};

/** Work kind `event`: an event on its way to the rules of a bus. */
export type Event = {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** Whole seconds, `2026-05-04T09:12:31Z`. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
  readonly "replay-name"?: string;
};
export type Routed = {
  readonly event: Event;
  /** The bus's ARN. */
  readonly bus: string;
  /** True for read-only CloudTrail management records, which only rules in a special state see. */
  readonly readOnlyManagement?: boolean;
  /** Milliseconds. */
  readonly ingestedAt: number;
};

/** Work kind `delivery`: one event on its way to one target. */
export type Delivery = {
  readonly id: string;
  readonly ruleArn: string;
  readonly targetId: string;
  readonly eventId: string;
  /** What the target will get, after Input, InputPath or InputTransformer. */
  readonly input: string;
};

/** An event of an execution's history, in AWS's shape (GetExecutionHistory), timestamps in milliseconds. */
export type HistoryEvent = Readonly<Record<string, unknown>> & {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: number;
  readonly type: string;
};

/** `source` of AWS's own events: `aws.` and the service's name before `.amazonaws.com`. */
export function eventOf(record: TrailRecord, id: string): Event {
  return {
    version: "0",
    id,
    "detail-type": "AWS API Call via CloudTrail",
    source: `aws.${record.eventSource.replace(/\.amazonaws\.com$/, "")}`,
    account: record.recipientAccountId,
    time: record.eventTime,
    region: record.awsRegion,
    resources: [],
    detail: record,
  };
}

let lastSecond = Number.NaN;
let lastText = "";
/** `2026-05-04T09:12:31Z`: whole seconds, as records and events carry them. The last one is kept: making it costs 2 µs. */
export function isoSeconds(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

/** The ARN of an account's default bus in a region. */
export function defaultBus(account: string, region: string): string {
  return `arn:aws:events:${region}:${account}:event-bus/default`;
}
