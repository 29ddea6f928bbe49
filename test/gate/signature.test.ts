import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuery, parseTimestamp, timestamp } from "../../src/gate/canonical.ts";
import { ChunkDecoder } from "../../src/gate/chunked.ts";
import { checkClaim, readClaim, type Claim } from "../../src/gate/claim.ts";
import { EMPTY_SHA256, sha256, SigningKeys, signingKey } from "../../src/gate/keys.ts";
import { s3PayloadHash } from "../../src/gate/payload.ts";
import { sign } from "../../src/gate/sign.ts";
import { verifySignature, type Seed } from "../../src/gate/signature.ts";
import { AwsFault } from "../../src/wire/fault.ts";

/** Verifies a request written as text; throws the fault, answers the seed. */
function verify(text: string, secret: string, family: "s3" | "rest" = "rest"): { seed: Seed; claim: Claim } {
  const [head = "", body = ""] = text.split("\n\n");
  const [line = "", ...lines] = head.split("\n");
  const [, method = "", target = ""] = /^(\S+) (.*) HTTP\/1\.1$/.exec(line) ?? [];
  const rawHeaders = lines.flatMap((header) => [
    header.slice(0, header.indexOf(":")),
    header.slice(header.indexOf(":") + 1).trim(),
  ]);
  const headers: Record<string, string> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    const value = rawHeaders[index + 1] ?? "";
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const [path = "", search = ""] = target.split("?");
  const query = parseQuery(search);
  const claim = readClaim(headers, query);
  assert.ok(claim && "accessKeyId" in claim, "the signature can be read");
  checkClaim(family, claim, claim.service, headers, parseTimestamp(claim.timestamp) + 60_000);
  const hash = family === "s3" ? s3PayloadHash(claim, headers, query) : sha256(body);
  const request = { method, path, query, headers, rawHeaders };
  return { seed: verifySignature(family, claim, secret, new SigningKeys(), request, hash), claim };
}

const SUITE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const suite = (target: string, extra: string, signed: string, signature: string, body = ""): string =>
  `${target} HTTP/1.1\nHost:example.amazonaws.com\n${extra}X-Amz-Date:20150830T123600Z\nAuthorization:AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}\n\n${body}`;

/** Cases of AWS's published Signature Version 4 test suite. */
const SUITE: readonly (readonly [name: string, text: string])[] = [
  [
    "vanilla",
    suite("GET /", "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
  ],
  [
    "dot segments",
    suite(
      "GET /example1/example2/../..",
      "",
      "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
  ],
  [
    "pointless dot",
    suite("GET /./example", "", "host;x-amz-date", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
  ],
  [
    "doubled slashes",
    suite("GET //example//", "", "host;x-amz-date", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
  ],
  [
    "a space in the path",
    suite(
      "GET /example space/",
      "",
      "host;x-amz-date",
      "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
  ],
  [
    "UTF-8 in the query",
    suite("GET /?ሴ=bar", "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
  ],
  [
    "order by encoded name",
    suite(
      "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
      "",
      "host;x-amz-date",
      "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
  ],
  [
    "repeated headers",
    suite(
      "GET /",
      "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n",
      "host;my-header1;x-amz-date",
      "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
  ],
  [
    "trimmed headers",
    suite(
      "GET /",
      'My-Header1: value1\nMy-Header2: "a   b   c"\n',
      "host;my-header1;my-header2;x-amz-date",
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
  ],
  [
    "a form",
    suite(
      "POST /",
      "Content-Type:application/x-www-form-urlencoded\nContent-Length:13\nx-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n",
      "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
      "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
      "Param1=value1",
    ),
  ],
  [
    "presigned",
    "GET /?Param1=value1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature=49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de HTTP/1.1\nHost:example.amazonaws.com\n\n",
  ],
];

void test("the cases of AWS's signature test suite verify, and fail with another secret", () => {
  for (const [name, text] of SUITE) {
    assert.doesNotThrow(() => verify(text, SUITE_SECRET), name);
    assert.throws(() => verify(text, `${SUITE_SECRET}x`), { code: "InvalidSignatureException" }, name);
  }
});

const S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const s3 = (target: string, extra: string, signed: string, signature: string, hash = EMPTY_SHA256): string =>
  `${target} HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n${extra}x-amz-date: 20130524T000000Z\nx-amz-content-sha256: ${hash}\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signed},Signature=${signature}\n\n`;

void test("the examples of the S3 documentation verify", () => {
  const signed = "host;x-amz-content-sha256;x-amz-date";
  const cases = [
    s3(
      "GET /test.txt",
      "Range: bytes=0-9\n",
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    s3(
      "PUT /test$file.text",
      "Date: Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class: REDUCED_REDUNDANCY\n",
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    ),
    s3("GET /?lifecycle", "", signed, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    s3("GET /?max-keys=2&prefix=J", "", signed, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\n\n",
  ];
  for (const text of cases) {
    assert.doesNotThrow(() => verify(text, S3_SECRET, "s3"), text);
    assert.throws(() => verify(text.replace("test", "tesT").replace("J&", "K&"), "other", "s3"), {
      code: "SignatureDoesNotMatch",
    });
  }
});

const CHUNK_SIGNATURES = [
  "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
  "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
  "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];
const chunkedBody = (): Buffer =>
  Buffer.from(
    `10000;chunk-signature=${CHUNK_SIGNATURES[0]}\r\n${"a".repeat(65_536)}\r\n400;chunk-signature=${CHUNK_SIGNATURES[1]}\r\n${"a".repeat(1024)}\r\n0;chunk-signature=${CHUNK_SIGNATURES[2]}\r\n\r\n`,
  );
function documented(): Seed {
  const text = `PUT /examplebucket/chunkObject.txt HTTP/1.1\nHost: s3.amazonaws.com\nx-amz-date: 20130524T000000Z\nx-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nContent-Encoding: aws-chunked\nx-amz-decoded-content-length: 66560\nContent-Length: 66824\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\n\n`;
  return verify(text, S3_SECRET, "s3").seed;
}

void test("the documentation's upload of 66,560 bytes in chunks verifies however the bytes are cut", () => {
  const body = chunkedBody();
  assert.equal(body.length, 66_824);
  for (const size of [1, 7, 85, 86, 8192, 65_537, body.length]) {
    const decoder = new ChunkDecoder({ seed: documented(), declared: [], decodedLength: 66_560 });
    let decoded = 0;
    for (let at = 0; at < body.length; at += size) {
      for (const part of decoder.push(body.subarray(at, at + size))) {
        assert.ok(part.every((byte) => byte === 97));
        decoded += part.length;
      }
    }
    assert.deepEqual(decoder.end(), {});
    assert.equal(decoded, 66_560);
  }
});

void test("chunks that were changed, cut off, swapped or added are refused", () => {
  const decode = (body: Buffer, length = 66_560): void => {
    const decoder = new ChunkDecoder({ seed: documented(), declared: [], decodedLength: length });
    decoder.push(body);
    decoder.end();
  };
  const changed = chunkedBody();
  changed[1000] = 98;
  assert.throws(() => decode(changed), { code: "SignatureDoesNotMatch" });
  const whole = chunkedBody();
  for (const keep of [0, 40, 1000, 65_622, 65_700, whole.length - 90]) {
    assert.throws(() => decode(whole.subarray(0, keep)), { code: "IncompleteBody" }, `cut at ${keep}`);
  }
  assert.throws(() => decode(whole, 66_559), { code: "IncompleteBody" });
  assert.throws(() => decode(whole, 66_561), { code: "IncompleteBody" });
  assert.throws(() => decode(Buffer.concat([whole, Buffer.from("more\r\n")])), AwsFault);
  const swapped = Buffer.from(whole.toString().replace(CHUNK_SIGNATURES[0] ?? "", CHUNK_SIGNATURES[1] ?? ""));
  assert.throws(() => decode(swapped), { code: "SignatureDoesNotMatch" });
  assert.throws(
    () => decode(Buffer.from(`5\r\nhello\r\n0\r\n\r\n`), 5),
    { code: "InvalidChunkSizeError" },
    "signed chunks need signatures",
  );
  assert.throws(() => decode(Buffer.from(`zz;chunk-signature=${CHUNK_SIGNATURES[0]}\r\n`)), {
    code: "InvalidChunkSizeError",
  });
  assert.throws(
    () => decode(Buffer.alloc(100_000, "1")),
    { code: "InvalidChunkSizeError" },
    "a header line has a limit",
  );
});

void test("signed trailers verify as documented, and nothing else in their place does", () => {
  const seed: Seed = {
    key: signingKey(S3_SECRET, "20130524", "us-east-1", "s3"),
    scope: "20130524/us-east-1/s3/aws4_request",
    timestamp: "20130524T000000Z",
    signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
  };
  const signatures = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
  ];
  const chunks = `10000;chunk-signature=${signatures[0]}\r\n${"a".repeat(65_536)}\r\n400;chunk-signature=${signatures[1]}\r\n${"a".repeat(1024)}\r\n0;chunk-signature=${signatures[2]}\r\n`;
  const proof = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435";
  const decode = (tail: string): unknown => {
    const decoder = new ChunkDecoder({ seed, declared: ["x-amz-checksum-crc32c"], decodedLength: 66_560 });
    decoder.push(Buffer.from(chunks + tail));
    return decoder.end();
  };
  const expected = { "x-amz-checksum-crc32c": "sOO8/Q==" };
  const lines = {
    documented: `x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:${proof}\r\n\r\n`,
    usual: `x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:${proof}\r\n\r\n`,
  };
  assert.deepEqual(decode(lines.documented), expected);
  assert.deepEqual(decode(lines.usual), expected);
  assert.throws(() => decode(lines.usual.replace("sOO8", "sOO9")), { code: "SignatureDoesNotMatch" });
  assert.throws(() => decode("x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"), AwsFault, "unsigned trailer");
  assert.throws(() => decode("\r\n"), AwsFault, "announced trailer missing");
  assert.throws(() => decode(`x-amz-meta-evil:1\r\n${lines.usual}`), { code: "MalformedTrailerError" });
});

void test("unsigned chunks with a trailer are decoded", () => {
  const decoder = new ChunkDecoder({ declared: ["x-amz-checksum-crc32"], decodedLength: 5 });
  const parts = decoder.push(Buffer.from("3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"));
  assert.equal(Buffer.concat(parts).toString(), "hello");
  assert.deepEqual(decoder.end(), { "x-amz-checksum-crc32": "NhCmhg==" });
});

void test("what sign() signs, the verifier accepts, tricks in path and query included", () => {
  const key = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SUITE_SECRET, sessionToken: "token" };
  for (const service of ["s3", "states"]) {
    for (const target of ["/", "/a//b/../c%2Fd", "/b/%E1%88%B4%20(x)'!*", "/b/k?x=%2B&a=&b&c=1%202"]) {
      const url = new URL("http://localhost:4566");
      url.href = `http://localhost:4566${target}`;
      const at = parseTimestamp("20261122T200000Z");
      const added = sign({
        method: "PUT",
        url,
        headers: { "X-Custom": "a  b" },
        body: "body",
        key,
        region: "eu-west-1",
        service,
        at,
      });
      const lines = Object.entries({ host: url.host, "x-custom": "a  b", ...added }).map(
        ([name, value]) => `${name}: ${value}`,
      );
      const text = `PUT ${url.pathname}${url.search} HTTP/1.1\n${lines.join("\n")}\n\nbody`;
      const { claim } = verify(text, SUITE_SECRET, service === "s3" ? "s3" : "rest");
      assert.equal(claim.token, "token");
    }
  }
});

void test("clock, scope and unsigned headers are judged in each family's words", () => {
  const now = parseTimestamp("20261122T200000Z");
  const claim = (change: Partial<Claim>): Claim => ({
    from: "AuthHeader",
    accessKeyId: "A",
    date: "20261122",
    region: "us-east-1",
    service: "states",
    terminator: "aws4_request",
    signedHeaders: ["host", "x-amz-date"],
    signature: "00",
    timestamp: "20261122T200000Z",
    ...change,
  });
  const headers = { host: "h", "x-amz-date": "20261122T200000Z" };
  const check = (
    change: Partial<Claim>,
    service = "states",
    family: "s3" | "query" | "json" = "json",
    more = {},
  ): void => checkClaim(family, claim(change), service, { ...headers, ...more }, now);
  assert.doesNotThrow(() => check({}));
  assert.doesNotThrow(() => check({ timestamp: timestamp(now - 899_000) }));
  assert.throws(() => check({ timestamp: timestamp(now - 901_000) }), {
    code: "InvalidSignatureException",
    message: "Signature expired: 20261122T194459Z is now earlier than 20261122T194500Z (20261122T200000Z - 15 min.)",
  });
  assert.throws(() => check({ timestamp: timestamp(now + 901_000) }), { message: /^Signature not yet current: / });
  assert.throws(() => check({ timestamp: timestamp(now - 901_000), service: "s3" }, "s3", "s3"), {
    code: "RequestTimeTooSkewed",
    status: 403,
  });
  assert.throws(() => check({ timestamp: timestamp(now - 901_000), service: "sts" }, "sts", "query"), {
    code: "SignatureDoesNotMatch",
    status: 403,
  });
  assert.throws(() => check({}, "events"), { message: "Credential should be scoped to correct service: 'events'. " });
  assert.throws(() => check({ date: "20261121" }), { message: /does not match YYYYMMDD/ });
  assert.throws(() => check({ terminator: "aws5" }), { code: "InvalidSignatureException" });
  assert.throws(() => check({ region: "../x" }), { message: /valid region/ });
  assert.throws(() => check({ signedHeaders: ["x-amz-date"] }), { message: /'Host'/ });
  assert.throws(() => check({ service: "s3" }, "s3", "s3", { "x-amz-copy-source": "/b/k" }), {
    code: "AccessDenied",
    message: /not signed/,
  });
  const presigned = { from: "QueryString", service: "s3", expiresSeconds: 60 } as const;
  assert.throws(() => check({ ...presigned, timestamp: timestamp(now - 61_000) }, "s3", "s3"), {
    code: "AccessDenied",
    message: "Request has expired",
  });
  assert.doesNotThrow(() =>
    check({ ...presigned, expiresSeconds: 604_800, date: "20261120", timestamp: "20261120T000000Z" }, "s3", "s3"),
  );
});

void test("signatures that cannot be read are refused with a reason", () => {
  const refusal = (
    authorization: string,
    family: "s3" | "query" | "json" = "json",
    date: string | undefined = "20261122T200000Z",
  ): AwsFault => {
    const claim = readClaim({ authorization, "x-amz-date": date }, []);
    assert.ok(claim && "refusal" in claim);
    return claim.refusal(family);
  };
  assert.equal(refusal("AWS AKID:sig", "s3").code, "InvalidRequest");
  assert.equal(refusal("Bearer x").code, "IncompleteSignatureException");
  assert.match(
    refusal("AWS4-HMAC-SHA256 Credential=a/b/c").message,
    /'Signature' parameter.*'SignedHeaders' parameter/,
  );
  assert.equal(
    refusal("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1", "s3").code,
    "AuthorizationHeaderMalformed",
  );
  assert.equal(
    refusal("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1", "query").code,
    "IncompleteSignature",
  );
  assert.match(
    refusal("AWS4-HMAC-SHA256 Credential=a/20261122/r/s/aws4_request, SignedHeaders=host, Signature=1", "json", "")
      .message,
    /X-Amz-Date/,
  );
  const query = (search: string): AwsFault => {
    const claim = readClaim({}, parseQuery(search));
    assert.ok(claim && "refusal" in claim);
    return claim.refusal("s3");
  };
  const base =
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a/20261122/r/s3/aws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=1&X-Amz-Date=20261122T200000Z";
  assert.match(query(base).message, /requires the X-Amz-Algorithm/);
  assert.match(query(`${base}&X-Amz-Expires=604801`).message, /less than a week/);
  assert.match(query(`${base}&X-Amz-Expires=-1`).message, /non-negative/);
  assert.match(query(`${base}&X-Amz-Expires=x`).message, /should be a number/);
});
