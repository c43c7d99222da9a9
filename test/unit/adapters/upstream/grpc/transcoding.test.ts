import { fromBinary, fromJson, toBinary, toJson, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readApi, type Api } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { MAX_MESSAGE_VALUES } from "../../../../../src/adapters/upstream/grpc/transcode/answer-json.ts";
import { framed } from "../../../../../src/adapters/upstream/grpc/transcode/message-frames.ts";
import { transcodingUpstream } from "../../../../../src/adapters/upstream/grpc/transcode/transcoding-upstream.ts";
import { isStream, type Body } from "../../../../../src/model/byte-stream.ts";
import { CancelSource } from "../../../../../src/model/cancel.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import type { TranscodePlan } from "../../../../../src/model/route-plan.ts";
import { err, ok } from "../../../../../src/model/result.ts";
import type { Upstream, UpstreamRequest } from "../../../../../src/ports/upstream.ts";
import { bytesOf, HandStream, RecordingSink } from "../../../../support/byte-flow.ts";
import { SHOP_DESCRIPTORS } from "../../../../support/shop-api.ts";
import { transcodingTerms } from "../../../../support/transcoding.ts";
import { requestTo, textBody } from "../../../../support/upstream.ts";

const PLAIN = transcodingTerms();

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const offering = (...services: readonly string[]): TranscodePlan => ({ services, rules: [], sse: [] });

const API: Api = (() => {
  const api = readApi(base64(SHOP_DESCRIPTORS), offering("shop.v1.Shop"));
  if (!api.ok) throw new Error(api.error[0]?.message);
  return api.value;
})();

const message = (name: string): DescMessage => {
  const found = API.registry.getMessage(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

const itemBytes = (json: JsonValue, name = "shop.v1.Item"): Uint8Array =>
  framed(toBinary(message(name), fromJson(message(name), json)));

const withTrailers = (chunks: readonly Uint8Array[], ...lines: readonly (readonly [string, string])[]): Body => ({
  declaredBytes: undefined,
  pipe(sink) {
    for (const chunk of chunks) sink.write(chunk);
    sink.end(HeaderLines.of(...lines));
    return { resume: () => {}, cancel: () => {} };
  },
  discard() {},
});

/** An upstream that remembers what it was sent, and answers with this. */
function service(
  body: Body,
  headers: readonly (readonly [string, string])[] = [],
): Upstream & { readonly sent: UpstreamRequest[] } {
  const sent: UpstreamRequest[] = [];
  return {
    sent,
    send: (request) => {
      sent.push(request);
      return Promise.resolve(
        ok({ status: 200, headers: HeaderLines.of(["content-type", "application/grpc"], ...headers), body }),
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const emptyParts = (count: number): Uint8Array => Buffer.from("3a00".repeat(count + 1), "hex");

const OK = ["grpc-status", "0"] as const;

const ask = async (
  upstream: Upstream,
  method: string,
  target: string,
  json?: string,
  ...lines: readonly (readonly [string, string])[]
) => {
  const body = json === undefined ? undefined : bytesOf(json);
  const type = json === undefined ? [] : [["content-type", "application/json"] as const];
  const answer = await transcodingUpstream(upstream, API, PLAIN).send(
    requestTo(method, target, body, ...type, ...lines),
    new CancelSource(),
  );
  if (!answer.ok) return answer;
  return { ...answer, text: await textBody(answer.value.body) };
};

const sentJson = ({ sent }: { readonly sent: readonly UpstreamRequest[] }, name: string): JsonValue => {
  const body = sent[0]?.body;
  if (!(body instanceof Uint8Array)) throw new Error("nothing was sent");
  return toJson(message(name), fromBinary(message(name), body.subarray(5)));
};

describe("HTTP and JSON on its way to gRPC", () => {
  it.each([
    ["GET", "/v1/items/7?view=full", undefined, "Get", "shop.v1.GetItem", { name: "items/7", view: "full" }],
    ["GET", "/v1/things/a%20b:view", undefined, "Get", "shop.v1.GetItem", { name: "a b" }],
    [
      "POST",
      "/v1/items",
      '{"name":"n","quantity":3,"priceCents":"9007199254740993","size":"SIZE_LARGE","tags":["a","b"]}',
      "Create",
      "shop.v1.Item",
      { name: "n", quantity: 3, priceCents: "9007199254740993", size: "SIZE_LARGE", tags: ["a", "b"] },
    ],
    ["POST", "/v1/items", "", "Create", "shop.v1.Item", {}],
    [
      "PATCH",
      "/v1/items/7?dryRun=true",
      '{"quantity":2}',
      "Update",
      "shop.v1.UpdateItem",
      { item: { name: "items/7", quantity: 2 }, dryRun: true },
    ],
    [
      "GET",
      "/v1/items?tags=a&tags=b&quantity=4&is_new=true&part.name=x&made_at=2026-01-02T03%3A04%3A05Z&size=SIZE_LARGE",
      undefined,
      "List",
      "shop.v1.Item",
      { tags: ["a", "b"], quantity: 4, isNew: true, part: { name: "x" }, madeAt: "2026-01-02T03:04:05Z", size: "SIZE_LARGE" },
    ],
    ["POST", "/shop.v1.Shop/Plain", '{"name":"n"}', "Plain", "shop.v1.Item", { name: "n" }],
  ] as const)("makes of %s %s %s a call of %s", async (method, target, json, name, type, sent) => {
    const reply = name === "List" ? framed(new Uint8Array()) : itemBytes({ name: "x" });
    const upstream = service(withTrailers([reply], OK));
    expect(await ask(upstream, method, target, json, ["authorization", "Bearer t"], ["grpc-timeout", "1S"])).toMatchObject({
      ok: true,
      value: { status: 200 },
    });
    expect(upstream.sent[0]).toMatchObject({ method: "POST", requestTarget: `/shop.v1.Shop/${name}` });
    expect(upstream.sent[0]?.headers.toRaw()).toEqual([
      ...[
        "host",
        "api.test",
        "authorization",
        "Bearer t",
        "content-type",
        "application/grpc",
        "grpc-accept-encoding",
        "identity",
      ],
    ]);
    expect(sentJson(upstream, type)).toEqual(sent);
  });

  it.each([
    ["an unknown field", "POST", "/v1/items", '{"colour":"red"}', "colour"],
    ["a field of another type", "POST", "/v1/items", '{"quantity":"many"}', "quantity"],
    ["a number out of range", "POST", "/v1/items", '{"quantity":3000000000}', "quantity"],
    ["an unknown enum value", "POST", "/v1/items", '{"size":"SIZE_TINY"}', "shop.v1.Size"],
    ["a field twice", "POST", "/v1/items", '{"name":"a","name":"b"}', "name"],
    ["no JSON", "POST", "/v1/items", "{", "Item"],
    ["another field behind the one that is the body", "PATCH", "/v1/items/7", '{},"dryRun":true', "UpdateItem"],
    ["an unknown query parameter", "GET", "/v1/items/7?colour=red", undefined, "colour"],
    ["a query parameter twice", "GET", "/v1/items/7?view=a&view=b", undefined, "view"],
    ["a query parameter by both its names", "GET", "/v1/items?is_new=true&isNew=true", undefined, "isNew"],
    ["a query parameter that begins with a question mark", "GET", "/v1/items/7??view=full", undefined, "?view"],
    ["a query parameter for a field of the path", "GET", "/v1/items/7?name=other", undefined, "name"],
    ["a query parameter for a field of the body", "PATCH", "/v1/items/7?item.quantity=3", "{}", "item.quantity"],
    ["a query parameter beside a body that is the whole", "POST", "/v1/items?quantity=3", "{}", "quantity"],
    ["a truth that is none", "PATCH", "/v1/items/7?dry_run=yes", "{}", "dry_run"],
    ["a message as text", "GET", "/v1/items?part=x", undefined, "part"],
    ["a body where there is none", "GET", "/v1/items/7", "{}", "GetItem"],
    ["nesting without end", "POST", "/v1/items", `${'{"part":'.repeat(200)}{}${"}".repeat(200)}`, "Item"],
  ])("refuses %s by name, and nothing is called", async (_name, method, target, json, named) => {
    const upstream = service(undefined);
    const answer = await ask(upstream, method, target, json);
    expect(answer).toMatchObject({ ok: false, error: { problem: "bad_request", detail: expect.stringContaining(named) } });
    expect(upstream.sent).toHaveLength(0);
  });

  it.each([
    ["GET", "/v1/nothing", undefined, [], "route_not_found"],
    ["DELETE", "/v1/items/7", undefined, [], "route_not_found"],
    ["POST", "/shop.v1.Shop/Upload", "{}", [], "route_not_found"],
    ["POST", "/v1/items", "{}", [["content-encoding", "gzip"]], "body_unsupported"],
    ["POST", "/v1/items", `{"name":"${"x".repeat(5_000_000)}"}`, [], "body_too_large"],
    ["POST", "/v1/items", `{"tags":["",${'"",'.repeat(MAX_MESSAGE_VALUES)}""]}`, [], "body_too_large"],
  ] as const)("refuses %s %s as what it is", async (method, target, json, lines, problem) => {
    const upstream = service(undefined);
    expect(await ask(upstream, method, target, json, ...lines)).toMatchObject({ ok: false, error: { problem } });
    expect(upstream.sent).toHaveLength(0);
  });

  it("takes nothing but JSON, in UTF-8", async () => {
    const upstream = service(undefined);
    const transcoding = transcodingUpstream(upstream, API, PLAIN);
    const form = await transcoding.send(
      requestTo("POST", "/v1/items", bytesOf("a=b"), ["content-type", "text/plain"]),
      new CancelSource(),
    );
    expect(form).toMatchObject({ error: { problem: "body_unsupported" } });
    const bytes = await transcoding.send(requestTo("POST", "/v1/items", Uint8Array.of(0x22, 0xff, 0x22)), new CancelSource());
    expect(bytes).toMatchObject({ error: { problem: "bad_request" } });
    expect(upstream.sent).toHaveLength(0);
  });

  it("lets gRPC through as it is", async () => {
    const upstream = service(undefined);
    const request = requestTo("POST", "/shop.v1.Shop/Upload", new HandStream(), ["content-type", "application/grpc"]);
    await transcodingUpstream(upstream, API, PLAIN).send(request, new CancelSource());
    expect(upstream.sent).toEqual([request]);
  });

  it("never throws, whatever JSON it is given", async () => {
    const transcoding = transcodingUpstream(service(withTrailers([itemBytes({})], OK)), API, PLAIN);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.json(), fc.string()),
        fc.array(fc.tuple(fc.constantFrom("dryRun", "item.name", "x", ""), fc.string()), { maxLength: 3 }),
        async (json, query) => {
          const answer = await transcoding.send(
            requestTo("PATCH", `/v1/items/7?${new URLSearchParams(query).toString()}`, bytesOf(json)),
            new CancelSource(),
          );
          expect(answer.ok || answer.error.problem === "bad_request").toBe(true);
        },
      ),
    );
  });
});

describe("gRPC on its way to HTTP and JSON", () => {
  it("is the message as JSON, with the call's metadata", async () => {
    const upstream = service(withTrailers([itemBytes({ name: "n", priceCents: "5" })], OK), [
      ["x-own", "1"],
      ["grpc-encoding", "identity"],
    ]);
    const answer = await ask(upstream, "GET", "/v1/items/7");
    expect(answer).toMatchObject({ ok: true, value: { status: 200 }, text: '{"name":"n","priceCents":"5"}' });
    expect(answer.ok && answer.value.headers.toRaw()).toEqual(["x-own", "1", "content-type", "application/json"]);
  });

  it("is one field of it where the rule says so", async () => {
    const list = itemBytes({ items: [{ name: "a" }, { name: "b" }] }, "shop.v1.ItemList");
    expect(await ask(service(withTrailers([list], OK)), "GET", "/v1/items")).toMatchObject({
      text: '[{"name":"a"},{"name":"b"}]',
    });
    expect(await ask(service(withTrailers([framed(new Uint8Array())], OK)), "GET", "/v1/items")).toMatchObject({ text: "[]" });
  });

  it.each([
    [1, 499],
    [2, 500],
    [3, 400],
    [4, 504],
    [5, 404],
    [6, 409],
    [7, 403],
    [8, 429],
    [9, 400],
    [10, 409],
    [11, 400],
    [12, 501],
    [13, 500],
    [14, 503],
    [15, 500],
    [16, 401],
  ])("tells the status %i as %i, with its words", async (code, status) => {
    const lines = [
      ["grpc-status", String(code)],
      ["grpc-message", "caf%C3%A9"],
    ] as const;
    const json = JSON.stringify({ code, message: "caf\u00e9" });
    expect(await ask(service(withTrailers([], ...lines)), "GET", "/v1/items/7")).toMatchObject({ value: { status }, text: json });
    expect(await ask(service(undefined, lines), "GET", "/v1/items/7")).toMatchObject({ value: { status }, text: json });
  });

  it.each([
    ["no status", withTrailers([itemBytes({})])],
    ["no message", withTrailers([], OK)],
    ["two messages", withTrailers([itemBytes({}), itemBytes({})], OK)],
    ["half a message", withTrailers([itemBytes({ name: "long" }).subarray(0, 8)], OK)],
    ["a compressed message", withTrailers([Uint8Array.of(1, 0, 0, 0, 0)], OK)],
    ["a message too large", withTrailers([Uint8Array.of(0, 0xff, 0, 0, 0)], OK)],
    ["a message of another type", withTrailers([framed(Uint8Array.of(0x0a, 0xff))], OK)],
    ["a status that is none", withTrailers([itemBytes({})], ["grpc-status", "17"])],
    ["more values than an answer may have", withTrailers([framed(emptyParts(MAX_MESSAGE_VALUES))], OK)],
    ["no body and no status", undefined],
  ])("is invalid with %s", async (_name, body) => {
    expect(await ask(service(body), "GET", "/v1/items/7")).toMatchObject({
      ok: false,
      error: { problem: "upstream_invalid_response" },
    });
  });

  it("is an empty stream where a stream ends with OK in its head, and invalid where one message is", async () => {
    const unary = await ask(service(undefined, [OK]), "GET", "/v1/items/7");
    expect(unary).toMatchObject({ error: { problem: "upstream_invalid_response" } });
    expect(await ask(service(undefined, [OK]), "GET", "/v1/items/7:watch")).toMatchObject({ value: { status: 200 }, text: "" });
  });

  it("is a failure where the upstream fails", async () => {
    const upstream: Upstream = {
      send: () => Promise.resolve(err({ problem: "upstream_timeout", cause: "late" })),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    expect(await ask(upstream, "GET", "/v1/items/7")).toMatchObject({ error: { problem: "upstream_timeout" } });
  });

  it.each([
    [undefined, "application/x-ndjson", '{"name":"a"}\n{"name":"b"}\n'],
    ["text/event-stream", "text/event-stream", 'data: {"name":"a"}\n\ndata: {"name":"b"}\n\n'],
  ])("streams a message a line, or an event each, for accept: %s", async (accept, type, text) => {
    const body = withTrailers([Buffer.concat([itemBytes({ name: "a" }), itemBytes({ name: "b" })])], OK);
    const lines = accept === undefined ? [] : [["accept", accept] as const];
    const answer = await ask(service(body), "GET", "/v1/items/7:watch", undefined, ...lines);
    expect(answer).toMatchObject({ text });
    expect(answer.ok && answer.value.headers.first("content-type")).toBe(type);
  });

  it("sends each message when it comes, and says at the end how it ended", async () => {
    const stream = new HandStream();
    const transcoding = transcodingUpstream(service(stream), API, PLAIN);
    const answer = await transcoding.send(requestTo("GET", "/v1/items/7:watch"), new CancelSource());
    const sink = new RecordingSink();
    if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
    stream.sink?.write(itemBytes({ name: "a" }));
    expect(sink.text).toBe('{"name":"a"}\n');
    stream.sink?.end(HeaderLines.of(["grpc-status", "10"], ["grpc-message", "over"]));
    expect(await sink.over).toEqual({ kind: "ended" });
    expect(sink.text).toBe('{"name":"a"}\n{"error":{"code":10,"message":"over"}}\n');
  });

  it.each([
    ["no status", (stream: HandStream) => stream.sink?.end()],
    ["a message of another type", (stream: HandStream) => stream.sink?.write(framed(Uint8Array.of(0x0a, 0xff)))],
    ["a break", (stream: HandStream) => stream.sink?.fail("gone")],
  ])("breaks a stream off with %s: nobody takes it for whole", async (_name, hurt) => {
    const stream = new HandStream();
    const answer = await transcodingUpstream(service(stream), API, PLAIN).send(
      requestTo("GET", "/v1/items/7:watch"),
      new CancelSource(),
    );
    const sink = new RecordingSink();
    if (answer.ok && isStream(answer.value.body)) answer.value.body.pipe(sink);
    hurt(stream);
    expect(await sink.over).toMatchObject({ kind: "failed" });
    expect(sink.endings).toBe(1);
  });
});

describe("a unary call of Connect", () => {
  const connect = async (
    upstream: Upstream,
    path: string,
    body: Uint8Array,
    type: string,
    ...lines: readonly (readonly [string, string])[]
  ) => {
    const request = requestTo("POST", path, body, ["connect-protocol-version", "1"], ["content-type", type], ...lines);
    const answer = await transcodingUpstream(upstream, API, PLAIN).send(request, new CancelSource());
    return answer.ok ? { ...answer, text: await textBody(answer.value.body) } : answer;
  };

  it("is the call of its path, in JSON", async () => {
    const upstream = service(withTrailers([itemBytes({ name: "n" })], OK, ["x-sum", "3"]));
    const answer = await connect(upstream, "/shop.v1.Shop/Get", bytesOf('{"name":"items/7"}'), "application/json", [
      "connect-timeout-ms",
      "1500",
    ]);
    expect(answer).toMatchObject({ ok: true, value: { status: 200 }, text: '{"name":"n"}' });
    expect(answer.ok && answer.value.headers.toRaw()).toEqual(["content-type", "application/json", "trailer-x-sum", "3"]);
    expect(upstream.sent[0]?.requestTarget).toBe("/shop.v1.Shop/Get");
    expect(upstream.sent[0]?.headers.first("grpc-timeout")).toBe("1500m");
    expect(sentJson(upstream, "shop.v1.GetItem")).toEqual({ name: "items/7" });
  });

  it("is the call of its path, in messages as they are", async () => {
    const reply = itemBytes({ name: "n" });
    const upstream = service(withTrailers([reply], OK));
    const sent = itemBytes({ name: "items/7" }, "shop.v1.GetItem").subarray(5);
    const answer = await connect(upstream, "/shop.v1.Shop/Get", sent, "application/proto");
    expect(answer.ok && answer.value.headers.first("content-type")).toBe("application/proto");
    expect(answer.ok && answer.value.body).toEqual(Buffer.from(reply.subarray(5)));
    expect(await connect(upstream, "/shop.v1.Shop/Get", Uint8Array.of(0x0a, 0xff), "application/proto")).toMatchObject({
      error: { problem: "bad_request" },
    });
    const many = emptyParts(MAX_MESSAGE_VALUES);
    expect(await connect(service(undefined), "/shop.v1.Shop/Plain", many, "application/proto")).toMatchObject({
      error: { problem: "body_too_large" },
    });
  });

  it("is told errors by name", async () => {
    const upstream = service(withTrailers([], ["grpc-status", "5"], ["grpc-message", "no"]));
    const answer = await connect(upstream, "/shop.v1.Shop/Get", bytesOf("{}"), "application/json");
    expect(answer).toMatchObject({ value: { status: 404 }, text: '{"code":"not_found","message":"no"}' });
  });

  it.each([
    ["/shop.v1.Shop/Watch", "application/json", "body_unsupported"],
    ["/shop.v1.Shop/Get", "application/yaml", "body_unsupported"],
    ["/shop.v1.Shop/Other", "application/json", "route_not_found"],
  ])("is refused for %s as %s", async (path, type, problem) => {
    expect(await connect(service(undefined), path, bytesOf("{}"), type)).toMatchObject({ error: { problem } });
  });
});
