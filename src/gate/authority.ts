import type { Access, CallFacts, Caller, FinishedCall, Principal } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";

/** Who may do what. The iam room implements it, node.ts hands it to the gate. Faults are thrown as `AwsFault`. */
export interface Authority {
  /**
   * The secret and the principal behind an access key; undefined if there is no such active key.
   * A session token that is missing, wrong or expired is told apart, because AWS answers them differently.
   */
  credentials(reader: Reader, accessKeyId: string, sessionToken: string | undefined): Promise<Credentials | undefined>;
  /** May the principal do this? Never throws for a denial. */
  decide(reader: Reader, facts: CallFacts, access: Access): Promise<Decision>;
  /** The role as a service uses it: exists, trusts the service (aws:SourceArn, aws:SourceAccount given). Throws AccessDenied if not. */
  assume(
    transaction: Transaction,
    caller: Extract<Caller, { kind: "role" }>,
  ): Promise<Extract<Principal, { kind: "session" }>>;
  /** iam:PassRole on the role with iam:PassedToService; throws AWS's sentence. */
  passRole(
    reader: Reader,
    facts: CallFacts,
    roleArn: string,
    service: string,
    associatedResourceArn?: string,
  ): Promise<void>;
}
export type Credentials = {
  readonly secret: string;
  readonly principal: Principal;
  readonly token: "none" | "valid" | "wrong" | "expired";
};
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly sentence: string };

/** Who keeps records of calls. The trail room implements it. */
export interface Recorder {
  /** False if nobody would keep this record (a data event that no trail selects): then a read needs no transaction. */
  wants(reader: Reader, call: FinishedCall): Promise<boolean>;
}
