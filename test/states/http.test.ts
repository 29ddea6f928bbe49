import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import {
  CreateConnectionCommand,
  DeauthorizeConnectionCommand,
  DeleteConnectionCommand,
  DescribeConnectionCommand,
  ListConnectionsCommand,
  UpdateConnectionCommand,
} from "@aws-sdk/client-eventbridge";
import { TestStateCommand } from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start, taskMachine } from "./fixture.ts";

const HTTP = "arn:aws:states:::http:invoke";
type Seen = Pick<IncomingMessage, "method" | "url" | "headers"> & { readonly body: string };

for (const store of stores)
  describe(`HTTP tasks on ${store.name}`, () => {
    let stepwell: Stepwell;
    let server: Server;
    let endpoint: string;
    let roleArn: string;
    let ConnectionArn: string;
    const seen: Seen[] = [];
    before(async () => {
      server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const { method, url, headers } = request;
          seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
          const path = (url ?? "").split("?")[0];
          if (path === "/missing") response.writeHead(404).end("nothing here");
          else if (path === "/large") response.end("x".repeat(262_145));
          else if (path === "/text") response.writeHead(201, { "content-type": "text/plain" }).end("plain");
          else if (path === "/gone") request.socket.destroy();
          else response.writeHead(200, { "content-type": "application/json" }).end('{"n":1.0}');
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", [
        "states:InvokeHTTPEndpoint",
        "events:RetrieveConnectionCredentials",
        "secretsmanager:GetSecretValue",
      ]);
      const made = await stepwell.as.events.send(
        new CreateConnectionCommand({
          Name: "basic",
          AuthorizationType: "BASIC",
          AuthParameters: {
            BasicAuthParameters: { Username: "u", Password: "p" },
            InvocationHttpParameters: {
              HeaderParameters: [{ Key: "x-from", Value: "connection", IsValueSecret: true }],
              QueryStringParameters: [{ Key: "q", Value: "connection" }],
            },
          },
        }),
      );
      ConnectionArn = made.ConnectionArn ?? "";
    });
    after(async () => {
      await stepwell.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    let machines = 0;
    async function run(path: string, parameters: object = {}, role = roleArn) {
      const definition = taskMachine(HTTP, {
        ApiEndpoint: `${endpoint}${path}`,
        Method: "GET",
        InvocationConfig: { ConnectionArn },
        ...parameters,
      });
      const executionArn = await start(stepwell, await create(stepwell, `http-${machines++}`, definition, role));
      return { executionArn, end: await ended(stepwell, executionArn), request: seen.at(-1) };
    }

    test("TestState shows the exchange, and the connection's secrets to those who may see them", async () => {
      const Parameters = {
        ApiEndpoint: `${endpoint}/things`,
        Method: "POST",
        InvocationConfig: { ConnectionArn },
        RequestBody: { n: 1 },
      };
      const definition = JSON.stringify({ Type: "Task", Resource: HTTP, Parameters, End: true });
      const tried = (revealSecrets: boolean, inspectionLevel: "TRACE" | "DEBUG" = "TRACE") =>
        stepwell.as.states.send(new TestStateCommand({ definition, roleArn, inspectionLevel, revealSecrets }));
      const { status, inspectionData } = await tried(false);
      assert.equal(status, "SUCCEEDED");
      const { headers = "", ...request } = inspectionData?.request ?? {};
      assert.deepEqual(request, { protocol: "http", method: "POST", url: `${endpoint}/things`, body: '{"n":1}' });
      assert.match(headers, /^\[.*user-agent: Amazon\|StepFunctions\|HttpInvoke\|us-east-1.*\]$/);
      assert.doesNotMatch(headers, /authorization|x-from/);
      assert.equal(inspectionData?.response?.statusCode, "200");
      assert.equal(inspectionData.response.body, '{"n":1.0}');
      const revealed = (await tried(true)).inspectionData?.request;
      assert.match(revealed?.headers ?? "", /authorization: Basic .*x-from: connection/);
      assert.match(revealed?.url ?? "", /\?q=connection$/);
      assert.equal((await tried(false, "DEBUG")).inspectionData?.request, undefined);
    });

    test("a request carries what the connection adds, and its answer is the result", async () => {
      const { executionArn, end, request } = await run("/things", {
        Method: "POST",
        Headers: { "x-mine": "1", "x-from": "task" },
        QueryParameters: { a: ["1", "2"], q: "task" },
        RequestBody: { deep: { n: 1 } },
      });
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      assert.equal(request?.method, "POST");
      assert.equal(request?.url, "/things?a=1&a=2&q=connection");
      assert.equal(request?.body, '{"deep":{"n":1}}');
      assert.equal(request?.headers["authorization"], `Basic ${Buffer.from("u:p").toString("base64")}`);
      assert.deepEqual([request?.headers["x-mine"], request?.headers["x-from"]], ["1", "connection"]);
      assert.equal(request?.headers["user-agent"], "Amazon|StepFunctions|HttpInvoke|us-east-1");
      assert.match(end.output ?? "", /"ResponseBody":\{"n":1\.0\}/);
      const output = JSON.parse(end.output ?? "") as Record<string, unknown>;
      assert.deepEqual(Object.keys(output), ["Headers", "ResponseBody", "StatusCode", "StatusText"]);
      assert.deepEqual((output["Headers"] as Record<string, unknown>)["content-type"], ["application/json"]);
      const events = JSON.stringify(await history(stepwell, executionArn));
      assert.ok(!events.includes("connection-secret") && !events.includes("Basic "), "no secret is in the history");
    });

    test("a form is encoded as asked", async () => {
      const Transform = (ArrayFormat?: string) => ({
        RequestBodyEncoding: "URL_ENCODED",
        ...(ArrayFormat !== undefined && { RequestEncodingOptions: { ArrayFormat } }),
      });
      const RequestBody = { a: [1, "x y"], b: { c: true } };
      const bodies: Readonly<Record<string, string>> = {
        INDICES: "a%5B0%5D=1&a%5B1%5D=x%20y&b%5Bc%5D=true",
        BRACKETS: "a%5B%5D=1&a%5B%5D=x%20y&b%5Bc%5D=true",
        REPEAT: "a=1&a=x%20y&b%5Bc%5D=true",
        COMMAS: "a=1%2Cx%20y&b%5Bc%5D=true",
      };
      for (const [format, body] of Object.entries(bodies)) {
        const { request } = await run("/form", { Method: "POST", RequestBody, Transform: Transform(format) });
        assert.deepEqual([request?.headers["content-type"], request?.body], [FORM, body]);
      }
    });
    const FORM = "application/x-www-form-urlencoded";

    test("statuses, broken connections and large answers have their errors", async () => {
      const missing = await run("/missing");
      assert.deepEqual([missing.end.error, missing.end.cause], ["States.Http.StatusCode.404", "nothing here"]);
      assert.equal((await run("/gone")).end.error, "States.Http.Socket");
      assert.equal((await run("/large")).end.error, "States.DataLimitExceeded");
      const text = JSON.parse((await run("/text")).end.output ?? "") as Record<string, unknown>;
      assert.deepEqual([text["ResponseBody"], text["StatusCode"]], ["plain", 201]);
      const restricted = await run("/things", { Headers: { Host: "elsewhere" } });
      assert.match(restricted.end.cause ?? "", /header 'Host' is not allowed/);
    });

    test("the role needs its permissions, the machine its connection", async () => {
      const unable = await roleFor(stepwell, "unable", ["states:InvokeHTTPEndpoint"]);
      const before = seen.length;
      const denied = await run("/things", {}, unable);
      assert.equal(denied.end.status, "FAILED");
      assert.match(denied.end.cause ?? "", /events:RetrieveConnectionCredentials/);
      const absent = await run("/things", { InvocationConfig: { ConnectionArn: `${ConnectionArn}x` } });
      assert.match(absent.end.cause ?? "", /does not exist/);
      assert.equal(seen.length, before);
      const without = taskMachine(HTTP, { ApiEndpoint: endpoint, Method: "GET" });
      await assert.rejects(create(stepwell, "without", without, roleArn), { name: "InvalidDefinition" });
    });

    test("connections keep their secrets", async () => {
      const { events } = stepwell.as;
      const described = await events.send(new DescribeConnectionCommand({ Name: "basic" }));
      assert.deepEqual(described.AuthParameters, {
        BasicAuthParameters: { Username: "u" },
        InvocationHttpParameters: {
          HeaderParameters: [{ Key: "x-from", IsValueSecret: true }],
          QueryStringParameters: [{ Key: "q", Value: "connection" }],
        },
      });
      await events.send(
        new CreateConnectionCommand({
          Name: "key",
          AuthorizationType: "API_KEY",
          AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: "x-key", ApiKeyValue: "1" } },
        }),
      );
      const AuthParameters = { ApiKeyAuthParameters: { ApiKeyName: "x-key", ApiKeyValue: "2" } };
      const updated = await events.send(new UpdateConnectionCommand({ Name: "key", AuthParameters }));
      const own = { InvocationConfig: { ConnectionArn: updated.ConnectionArn } };
      assert.equal((await run("/things", own)).request?.headers["x-key"], "2");
      const { Connections } = await events.send(new ListConnectionsCommand({ NamePrefix: "k" }));
      assert.deepEqual(
        Connections?.map(({ Name, ConnectionState }) => [Name, ConnectionState]),
        [["key", "AUTHORIZED"]],
      );
      await events.send(new DeauthorizeConnectionCommand({ Name: "key" }));
      assert.match((await run("/things", own)).end.cause ?? "", /deauthorized/);
      await events.send(new DeleteConnectionCommand({ Name: "key" }));
      await assert.rejects(events.send(new DescribeConnectionCommand({ Name: "key" })), {
        name: "ResourceNotFoundException",
      });
    });
  });
