import { s3Path } from "../../src/gate/canonical.ts";
import { signature, signingKey } from "../../src/gate/keys.ts";
import { stringToSign } from "../../src/gate/signature.ts";
import { KEY } from "./support.ts";

/** A signed request without query for another path, written as it is: `URL` would have normalised it. */
export function signedPath(request: string, path: string): string {
  const [line = "", ...lines] = request.split("\r\n");
  const [method = ""] = line.split(" ");
  const header = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(lines.join("\n"))?.[1] ?? "";
  const names = /SignedHeaders=([^,]+)/.exec(header("authorization"))?.[1] ?? "";
  const canonical = `${method}\n${s3Path(path)}\n\n${names
    .split(";")
    .map((name) => `${name}:${header(name)}\n`)
    .join("")}\n${names}\n${header("x-amz-content-sha256")}`;
  const at = header("x-amz-date");
  const key = signingKey(KEY.secretAccessKey, at.slice(0, 8), "eu-west-1", "s3");
  const proof = signature(key, stringToSign(at, `${at.slice(0, 8)}/eu-west-1/s3/aws4_request`, canonical));
  return [`${method} ${path} HTTP/1.1`, ...lines].join("\r\n").replace(/Signature=\w+/, `Signature=${proof}`);
}
