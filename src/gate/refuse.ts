import type { AwsFault } from "../wire/fault.ts";
import { fault } from "../wire/fault.ts";

/**
 * How a service words its common errors. AWS names and counts the same situation differently in S3 (XML), in the
 * query services (IAM, STS), in the JSON services and in the REST-JSON ones.
 */
export type Family = "s3" | "query" | "json" | "rest" | "cbor";

const isJson = (family: Family): boolean => family === "json" || family === "cbor" || family === "rest";
/** REST-JSON services answer 403 where the other JSON services answer 400. */
const refused = (family: Family): number => (family === "json" || family === "cbor" ? 400 : 403);

export function unknownKey(family: Family, accessKeyId: string): AwsFault {
  if (family === "s3") {
    const message = "The AWS Access Key Id you provided does not exist in our records.";
    return fault("InvalidAccessKeyId", message, { status: 403, detail: { AWSAccessKeyId: accessKeyId } });
  }
  return invalidToken(family);
}

export function invalidToken(family: Family): AwsFault {
  if (family === "s3")
    return fault("InvalidToken", "The provided token is malformed or otherwise invalid.", { status: 400 });
  const code = family === "query" ? "InvalidClientTokenId" : "UnrecognizedClientException";
  return fault(code, "The security token included in the request is invalid.", { status: refused(family) });
}

export function expiredToken(family: Family): AwsFault {
  if (family === "s3") return fault("ExpiredToken", "The provided token has expired.", { status: 400 });
  const code = family === "query" ? "ExpiredToken" : "ExpiredTokenException";
  return fault(code, "The security token included in the request is expired", { status: refused(family) });
}

export function nothingSigned(family: Family): AwsFault {
  if (family === "s3") return fault("AccessDenied", "Access Denied", { status: 403 });
  const code = family === "query" ? "MissingAuthenticationToken" : "MissingAuthenticationTokenException";
  return fault(code, "Missing Authentication Token", { status: refused(family) });
}

export function wrongSignature(family: Family, detail: Readonly<Record<string, unknown>>): AwsFault {
  if (family === "s3") {
    const message =
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    return fault("SignatureDoesNotMatch", message, { status: 403, detail });
  }
  return badSignature(
    family,
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  );
}

/** A signature that is wrong for a reason the message names: clock, scope, an unsigned header. */
export function badSignature(family: Family, message: string): AwsFault {
  const code = isJson(family) ? "InvalidSignatureException" : "SignatureDoesNotMatch";
  return fault(code, message, { status: refused(family) });
}

/** An Authorization header that cannot be read. */
export function malformed(family: Family, s3Message: string, message: string): AwsFault {
  if (family === "s3") return fault("AuthorizationHeaderMalformed", s3Message, { status: 400 });
  const code = family === "query" ? "IncompleteSignature" : "IncompleteSignatureException";
  return fault(code, message, { status: family === "rest" ? 403 : 400 });
}

/** A presigned URL that cannot be read. */
export function malformedQuery(family: Family, message: string): AwsFault {
  if (family === "s3") return fault("AuthorizationQueryParametersError", message, { status: 400 });
  return malformed(family, message, message);
}

export function denied(family: Family, message: string): AwsFault {
  return fault(isJson(family) ? "AccessDeniedException" : "AccessDenied", message, { status: refused(family) });
}

export function notImplemented(family: Family, message: string): AwsFault {
  return fault(isJson(family) ? "NotImplementedException" : "NotImplemented", message, { status: 501 });
}

/** The service is there, the operation is none of its own. */
export function unknownOperation(family: Family, method: string, action: string): AwsFault {
  if (family === "s3") {
    if (!["GET", "HEAD", "PUT", "POST", "DELETE"].includes(method)) {
      return fault("MethodNotAllowed", "The specified method is not allowed against this resource.", {
        status: 405,
        detail: { Method: method },
      });
    }
    return fault("NotImplemented", "A header or query you provided implies functionality that is not implemented.", {
      status: 501,
    });
  }
  if (family === "query") {
    return action
      ? fault("InvalidAction", `Could not find operation ${action}`, { status: 400 })
      : fault("MissingAction", "The request is missing an action or a required parameter.", { status: 400 });
  }
  return fault("UnknownOperationException", "The requested operation is not recognized by the service.", {
    status: family === "rest" ? 404 : 400,
  });
}

/** The store cannot be written, or too much is in work: try again. */
export function unavailable(family: Family, busy: boolean): AwsFault {
  const headers = { "retry-after": "1" };
  if (family === "s3") {
    return busy
      ? fault("SlowDown", "Please reduce your request rate.", { status: 503, headers })
      : fault("ServiceUnavailable", "Service is unable to handle request.", { status: 503, headers });
  }
  const code = isJson(family) ? "ServiceUnavailableException" : "ServiceUnavailable";
  return fault(code, "The request has failed due to a temporary failure of the server.", { status: 503, headers });
}

export function internalError(family: Family): AwsFault {
  if (family === "s3")
    return fault("InternalError", "We encountered an internal error. Please try again.", { status: 500 });
  return fault(
    "InternalFailure",
    "The request processing has failed because of an unknown error, exception or failure.",
    { status: 500 },
  );
}

export function entityTooLarge(limit: number, proposed?: number): AwsFault {
  const detail =
    proposed === undefined
      ? { MaxSizeAllowed: String(limit) }
      : { ProposedSize: String(proposed), MaxSizeAllowed: String(limit) };
  return fault("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", { status: 400, detail });
}

export function incompleteBody(
  message = "You did not provide the number of bytes specified by the Content-Length HTTP header.",
): AwsFault {
  return fault("IncompleteBody", message, { status: 400 });
}

export function requestTimeout(): AwsFault {
  const message =
    "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed.";
  return fault("RequestTimeout", message, { status: 400 });
}
