import { UPPER_AND_DIGITS } from "../clock/clock.ts";
import type { Caller, CallFacts, FinishedCall, InsideDoor, InsideQuestion, Principal, Source } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { AwsFault, fault } from "../wire/fault.ts";
import { nativeFamily } from "./address.ts";
import { AdmittedCall, append } from "./call.ts";
import type { Core } from "./core.ts";
import { denied, notImplemented, unknownOperation } from "./refuse.ts";

const SESSION_MS = 3_600_000;
type RoleCaller = Extract<Caller, { kind: "role" }>;
type Session = Extract<Principal, { kind: "session" }>;

/** The inside door: every effect is an AWS call, checked and recorded like one that came over the wire. */
export function insideDoor(core: Core): InsideDoor {
  return async (request) => {
    const { service: name, operation, as, trace, region, transaction } = request;
    const service = core.services.get(name);
    if (!service) throw fault("NotImplementedException", `Stepwell has no service ${name}`, { status: 501 });
    const { definition, wire } = service;
    const family = nativeFamily(definition.name);
    const known = wire.operations.get(operation);
    if (!known) throw unknownOperation(family, "POST", operation);
    if (!definition.handlers[operation])
      throw notImplemented(family, `Stepwell does not implement ${definition.name}:${operation}.`);
    const principal = await callerOf(core, as, trace, region, transaction);
    const facts = factsOf(core, definition, request, principal, known.readOnly);
    const call = new AdmittedCall(core, definition, facts, { family, transaction });
    try {
      wire.validate(operation, request.input);
      // The caller names the type of the output that the operation's model describes.
      return (await call.run(request.input)) as never;
    } catch (error) {
      if (error instanceof AwsFault) await call.failed(error);
      throw error;
    }
  };
}

/** The same checks for an effect that is no call: a request to a web server, made in somebody's name. */
export function insideQuestion(core: Core): InsideQuestion {
  return async (request) => {
    const service = core.services.get(request.service);
    if (!service) throw fault("NotImplementedException", `Stepwell has no service ${request.service}`, { status: 501 });
    const { definition } = service;
    const principal = await callerOf(core, request.as, request.trace, request.region, undefined);
    const facts = factsOf(core, definition, request, principal, true);
    await core.store.read(async (reader) => {
      for (const access of request.access) {
        const decision = await core.authority.decide(reader, facts, access);
        if (!decision.allowed) throw denied(nativeFamily(definition.name), decision.sentence);
      }
    });
  };
}

function factsOf(
  core: Core,
  { name, eventSource }: { readonly name: string; readonly eventSource: string },
  { operation, as, trace, region }: Pick<Parameters<InsideDoor>[0], "operation" | "as" | "trace" | "region">,
  principal: Principal,
  readOnly: boolean,
): CallFacts {
  return {
    requestId: core.clock.uuid(),
    trace,
    service: name,
    eventSource,
    operation,
    readOnly,
    account: principal.account,
    region,
    principal,
    source: sourceOf(as.kind === "principal" ? invoker(as.principal) : as.service),
    at: core.clock.now(),
  };
}

function invoker(principal: Principal): string {
  return principal.kind === "session" && principal.invokedBy !== undefined ? principal.invokedBy : "AWS Internal";
}

/** AWS writes the service's host name where a person's address and agent would stand. */
function sourceOf(service: string): Source {
  return { ip: service, userAgent: service, host: service, secure: true, signature: "AuthHeader", bytesIn: 0 };
}

async function callerOf(
  core: Core,
  as: Caller,
  trace: string,
  region: string,
  transaction: Transaction | undefined,
): Promise<Principal> {
  if (as.kind === "principal") return as.principal;
  if (as.kind === "service") {
    return {
      kind: "service",
      account: as.account,
      service: as.service,
      sourceArn: as.sourceArn,
      sourceAccount: as.account,
    };
  }
  if (transaction) return assume(core, transaction, as, trace, region);
  let refusal: FinishedCall | undefined;
  try {
    return await core.relay.transact((own) => assume(core, own, as, trace, region, (finished) => (refusal = finished)));
  } catch (error) {
    // The transaction is taken back; the refusal goes on record all the same.
    const finished = refusal;
    if (finished) await core.relay.transact((own) => append(core, own, finished));
    throw error;
  }
}

/** A real AssumeRole as the service's principal; both its success and its refusal are recorded. */
async function assume(
  core: Core,
  transaction: Transaction,
  as: RoleCaller,
  trace: string,
  region: string,
  refused?: (finished: FinishedCall) => void,
): Promise<Session> {
  try {
    const session = await core.authority.assume(transaction, as);
    await append(core, transaction, assumption(core, as, trace, region, { output: credentialsOf(core, session) }));
    return session;
  } catch (error) {
    if (error instanceof AwsFault) {
      const finished = assumption(core, as, trace, region, { error: { code: error.code, message: error.message } });
      if (refused) refused(finished);
      else await append(core, transaction, finished);
    }
    throw error;
  }
}

function credentialsOf(core: Core, session: Session): unknown {
  return {
    Credentials: {
      AccessKeyId: `ASIA${core.clock.text(16, UPPER_AND_DIGITS)}`,
      Expiration: new Date(session.createdAt + SESSION_MS),
    },
    AssumedRoleUser: { AssumedRoleId: session.id, Arn: session.arn },
  };
}

function assumption(
  core: Core,
  as: RoleCaller,
  trace: string,
  region: string,
  end: Pick<FinishedCall, "output" | "error">,
): FinishedCall {
  return {
    requestId: core.clock.uuid(),
    trace,
    service: "sts",
    eventSource: "sts.amazonaws.com",
    operation: "AssumeRole",
    readOnly: true,
    account: as.account,
    region,
    principal: {
      kind: "service",
      account: as.account,
      service: as.service,
      sourceArn: as.sourceArn,
      sourceAccount: as.account,
    },
    source: sourceOf(as.service),
    at: core.clock.now(),
    input: { RoleArn: as.roleArn, RoleSessionName: as.sessionName },
    resources: [{ type: "AWS::IAM::Role", arn: as.roleArn, account: as.account }],
    ...end,
  };
}
