import { Server, ServerCredentials, status, type handleServerStreamingCall, type handleUnaryCall } from "@grpc/grpc-js";
import { fromBinary, fromJson, toBinary, toJson, createFileRegistry, type JsonObject } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { allow, binding, defineInterceptor } from "@sallyport/interceptors-sdk";
import { writeFile } from "node:fs/promises";
import { join, dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SHOP_DESCRIPTORS } from "../support/shop-api.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, type TestInterceptor } from "../support/start-interceptor.ts";
import { configuration, interceptorAt } from "./support/configuration.ts";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, SHOP_DESCRIPTORS));

const codec = (name: string) => {
  const type = registry.getMessage(name);
  if (type === undefined) throw new Error(`no ${name}`);
  return {
    serialize: (json: JsonObject) => Buffer.from(toBinary(type, fromJson(type, json))),
    deserialize: (bytes: Buffer) => toJson(type, fromBinary(type, bytes)) as JsonObject, // messages are objects
  };
};

const method = (name: string, input: string, output: string, responseStream = false) => ({
  path: `/shop.v1.Shop/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: codec(input).serialize,
  requestDeserialize: codec(input).deserialize,
  responseSerialize: codec(output).serialize,
  responseDeserialize: codec(output).deserialize,
});

async function startShop(): Promise<AsyncDisposable & { readonly port: number; readonly asked: readonly JsonObject[] }> {
  const asked: JsonObject[] = [];
  const server = new Server();
  const get: handleUnaryCall<JsonObject, JsonObject> = ({ request }, done) => {
    asked.push(request);
    if (request["name"] === "items/none") done({ code: status.NOT_FOUND, details: "no such item" });
    else done(null, { name: request["name"] ?? "", quantity: 7 });
  };
  const make: handleUnaryCall<JsonObject, JsonObject> = ({ request }, done) => {
    asked.push(request);
    done(null, request);
  };
  const watch: handleServerStreamingCall<JsonObject, JsonObject> = (call) => {
    for (let quantity = 1; quantity <= 3; quantity += 1) call.write({ quantity });
    call.end();
  };
  server.addService(
    {
      Get: method("Get", "shop.v1.GetItem", "shop.v1.Item"),
      Create: method("Create", "shop.v1.Item", "shop.v1.Item"),
      Watch: method("Watch", "shop.v1.GetItem", "shop.v1.Item", true),
    },
    { Get: get, Create: make, Watch: watch },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, asked, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

describe("a gRPC service offered as HTTP and JSON", () => {
  let shop: Awaited<ReturnType<typeof startShop>>;
  let interceptor: TestInterceptor;
  let gateway: TestGateway;
  const shown: unknown[] = [];

  beforeAll(async () => {
    shop = await startShop();
    interceptor = await startInterceptor(
      defineInterceptor({
        name: "scripted",
        version: "1",
        bindings: {
          before: binding({
            phase: "pre-route",
            mode: "mutate",
            needs: ["/request/body"],
            writes: ["/request/body/quantity"],
            review: (view) => {
              shown.push(view.request.body);
              const { body } = view.request;
              const { name } = typeof body === "object" && body !== null && !Array.isArray(body) ? (body as JsonObject) : {}; // JSON of the client's
              return name === "patched"
                ? allow().edit("/request/body/quantity", () => 99)
                : name === "spoilt"
                  ? allow().edit("/request/body/quantity", () => "many")
                  : allow();
            },
          }),
          after: binding({
            phase: "post-response",
            mode: "mutate",
            needs: ["/response/body"],
            writes: ["/response/body/quantity"],
            review: (view) => {
              shown.push(view.response.body);
              return allow();
            },
          }),
        },
      }),
    );
    const files = await gatewayFiles();
    gateway = await startGateway({
      files,
      place: async (path, text) => {
        await writeFile(join(dirname(path), "shop.binpb"), SHOP_DESCRIPTORS);
        await writeFile(path, text);
      },
      config: `${H2C_PREAMBLE}${configuration({
        upstreams: {
          main: { protocol: "grpc", endpoints: [`http://127.0.0.1:${shop.port}`], descriptor_set_file: "shop.binpb" },
        },
        routes: [
          {
            name: "shop",
            match: { path: "/v1/**" },
            authenticate: ["anonymous"],
            upstream: "main",
            transcode: { services: ["shop.v1.Shop"] },
          },
        ],
        interceptors: [
          interceptorAt(interceptor.port, {
            bindings: [
              { id: "before", phase: "pre-route", mode: "mutate", match: { methods: ["POST"] } },
              { id: "after", phase: "post-response", mode: "mutate", match: { methods: ["POST"] } },
            ],
          }),
        ],
      })}`,
    });
  });

  afterAll(async () => {
    for (const part of [gateway, interceptor, shop]) await part?.[Symbol.asyncDispose]();
  });

  const post = (json: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/items`, { method: "POST", body: json, headers: { "content-type": "application/json" } });

  it("answers a GET with the message as JSON", async () => {
    const answer = await fetch(`${gateway.url}/v1/items/7`);
    expect([answer.status, answer.headers.get("content-type"), await answer.json()]).toEqual([
      200,
      "application/json",
      { name: "items/7", quantity: 7 },
    ]);
  });

  it("tells the service's own errors by their HTTP status, in its words", async () => {
    const answer = await fetch(`${gateway.url}/v1/items/none`);
    expect([answer.status, await answer.json()]).toEqual([404, { code: 5, message: "no such item" }]);
  });

  it("shows interceptors JSON on the way there and back, and calls what they patched", async () => {
    shown.length = 0;
    const answer = await post('{"name":"patched","quantity":1}');
    expect(await answer.json()).toEqual({ name: "patched", quantity: 99 });
    expect(shown).toEqual([
      { name: "patched", quantity: 1 },
      { name: "patched", quantity: 99 },
    ]);
    expect(shop.asked.at(-1)).toEqual({ name: "patched", quantity: 99 });
  });

  it.each([
    ["what the client sent", '{"name":"n","colour":"red"}', "colour"],
    ["what an interceptor patched", '{"name":"spoilt","quantity":1}', "quantity"],
  ])("holds %s to the schema, and names the field", async (_name, json, field) => {
    const { length } = shop.asked;
    const answer = await post(json);
    const problem = (await answer.json()) as { code: string; detail: string }; // a problem of ours
    expect([answer.status, problem.code]).toEqual([400, "bad_request"]);
    expect(problem.detail).toContain(field);
    expect(shop.asked).toHaveLength(length);
  });

  it("streams messages as lines, and as events", async () => {
    expect(await (await fetch(`${gateway.url}/v1/items/7:watch`)).text()).toBe(
      '{"quantity":1}\n{"quantity":2}\n{"quantity":3}\n',
    );
    const events = await fetch(`${gateway.url}/v1/items/7:watch`, { headers: { accept: "text/event-stream" } });
    expect(events.headers.get("content-type")).toBe("text/event-stream");
    expect(await events.text()).toBe('data: {"quantity":1}\n\ndata: {"quantity":2}\n\ndata: {"quantity":3}\n\n');
  });

  it("answers 404 for what no method is called by", async () => {
    expect((await fetch(`${gateway.url}/v1/nothing`)).status).toBe(404);
  });
});
