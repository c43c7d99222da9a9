import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson, stringifyJson, type Json } from "@sallyport/contract/json.ts";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { json } from "../../support/json-arbitrary.ts";
import { bytes, exchangeAfter, headers, refusalOf, textOf } from "../../support/patching.ts";

const set = (path: string, value: Json): PatchOperation => ({ op: "add", path, value });

const MAX_BODY = { timeoutMs: 500, maxPatches: 32, maxResponseBytes: 1_048_576 };

/** A request with a JSON body. */
const withBody = (text: string, lines: Readonly<Record<string, string>> = {}) =>
  exchangeOf({ head: { method: "POST", headers: headers({ "content-type": "application/json", ...lines }) }, body: bytes(text) });

describe("values of headers, queries, paths and labels", () => {
  it.each(["a\r\nx-evil: 1", "a\nb", "a\rb", "a\u0000b", " led", "trailed ", "a\u007f", "\u0100", "\u2028"])(
    "refuse the header value %j",
    (value) => {
      expect(refusalOf([set("/request/headers/x-a", value)])).toBe(
        "patch_rejected a header line has a character that headers cannot carry",
      );
    },
  );

  it("set one line from a string and several from a list, in the place of the first", () => {
    const exchange = exchangeOf({ head: { headers: HeaderLines.fromRaw(["Accept", "a", "X-B", "1", "accept", "b"]) } });
    expect(exchangeAfter([set("/request/headers/accept", ["c", "d", "e"])], { exchange }).head.headers.toRaw()).toEqual([
      "Accept",
      "c",
      "Accept",
      "d",
      "Accept",
      "e",
      "X-B",
      "1",
    ]);
    expect(exchangeAfter([set("/request/headers/accept", "c")], { exchange }).head.headers.toRaw()).toEqual([
      "Accept",
      "c",
      "X-B",
      "1",
    ]);
  });

  it("leave untouched lines separate and in order, and write bytes 0x80 to 0xFF back as they were shown (C25)", () => {
    const raw = ["X-Two", "1", "Accept", "a", "X-Two", "2", "X-Latin", "caf\u00e9"];
    const exchange = exchangeOf({ head: { headers: HeaderLines.fromRaw(raw) } });
    const operations: PatchOperation[] = [{ op: "copy", from: "/request/headers/x-latin", path: "/request/headers/x-copy" }];
    expect(exchangeAfter(operations, { exchange }).head.headers.toRaw()).toEqual([...raw, "x-copy", "caf\u00e9"]);
  });

  it("serialise only patched query names, in their place (C25)", () => {
    const exchange = exchangeOf({ head: { query: "a=%31&b=x+y&a=2&=&c" } });
    expect(exchangeAfter([set("/request/query/b", ["1 2", "&"])], { exchange }).head.query).toBe("a=%31&b=1%202&b=%26&a=2&=&c");
    expect(exchangeAfter([set("/request/query/new", ["v"])], { exchange }).head.query).toBe("a=%31&b=x+y&a=2&=&c&new=v");
    const removed: PatchOperation[] = ["a", "b", "c", ""].map((name) => ({ op: "remove", path: `/request/query/${name}` }));
    expect(exchangeAfter(removed, { exchange }).head.query).toBeUndefined();
  });

  it.each(["/a/../b", "/a//b", "/%41", "/a?b=1", "/a#b", "a", "", "/a%2Fb", "/a;b", "/caf\u00e9", "//evil.example/x"])(
    "refuse the path %j (C25)",
    (value) => {
      expect(refusalOf([set("/request/path", value)])).toBe(
        "patch_rejected a path is in normal form, without query and fragment",
      );
    },
  );

  it.each(["get", "CONNECT", "TRACE", "BREW", "GET ", ""])("refuse the method %j", (value) => {
    expect(refusalOf([set("/request/method", value)])).toMatch(/^patch_rejected a method is one of /);
  });

  it("refuse a header, a label or a path that is no text, and taking a path away", () => {
    for (const path of ["/request/headers/x-a", "/labels/a", "/request/path", "/request/method"]) {
      expect(refusalOf([set(path, 1)])).toMatch(/^patch_rejected /);
      expect(refusalOf([set(path, new Map())])).toMatch(/^patch_rejected /);
    }
    expect(refusalOf([{ op: "remove", path: "/request/path" }])).toMatch(/^patch_rejected /);
  });

  it("write headers of a usual size for a binding that is shown no bodies at all", () => {
    const plan = { limits: { ...MAX_BODY, maxBodyBytes: 0 } };
    expect(exchangeAfter([set("/request/headers/x-a", "v".repeat(8192))], { plan }).head.headers.first("x-a")).toHaveLength(8192);
  });
});

describe("bodies (C24)", () => {
  it("keep every number no patch touches as it was written", () => {
    const exchange = withBody('{ "id": 12345678901234567890, "price": 1.0, "far": 1e5, "list": [1.50, -0], "name": "a" }');
    const after = exchangeAfter(
      [set("/request/body/name", "b"), { op: "move", from: "/request/body/price", path: "/request/body/cost" }],
      { exchange },
    );
    expect(textOf(after.body)).toBe('{"id":12345678901234567890,"far":1e5,"list":[1.50,-0],"name":"b","cost":1.0}');
  });

  it("keep the bytes as they came when nothing of the body is patched", () => {
    const exchange = withBody('{ "a" : 1 }');
    const after = exchangeAfter([set("/request/headers/x-a", "1"), { op: "test", path: "/request/body/a", value: 1 }], {
      exchange,
    });
    expect(after.body).toBe(exchange.body);
  });

  it.each(["-1", "00", "01", "length", "1e0", "9", "+0", " 0", "0x0"])("refuse the array index %s", (index) => {
    expect(refusalOf([set(`/request/body/list/${index}`, 0)], { exchange: withBody('{"list":[1,2]}') })).toBe(
      "patch_rejected bad-index",
    );
  });

  it("remove every header that described the old bytes, and no other", () => {
    const described = ["content-length", "content-encoding", "content-md5", "digest", "content-digest", "repr-digest", "etag"];
    const signed = [
      "signature",
      "signature-input",
      "x-hub-signature",
      "x-hub-signature-256",
      "x-signature",
      "x-amz-content-sha256",
    ];
    const lines = Object.fromEntries([...described, ...signed].map((name) => [name, "x"]));
    const after = exchangeAfter([set("/request/body/a", 2)], { exchange: withBody('{"a":1}', { ...lines, "x-kept": "1" }) });
    expect(after.head.headers.toRaw()).toEqual(["content-type", "application/json", "x-kept", "1"]);
  });

  it("keep what the same verdict says of its new body, whatever the order of its operations", () => {
    const exchange = withBody('{"a":1}', { digest: "old", "content-length": "7" });
    const operations = [set("/request/headers/digest", "new"), set("/request/body/a", 2)];
    for (const order of [operations, operations.toReversed()]) {
      const { head } = exchangeAfter(order, { exchange });
      expect([head.headers.first("digest"), head.headers.has("content-length")]).toEqual(["new", false]);
    }
  });

  it("name the type of a JSON body where there was none before, and take a removed body away", () => {
    const added = exchangeAfter([set("/request/body", new Map([["a", 1]]))], {
      exchange: exchangeOf({ head: { method: "POST" } }),
    });
    expect([textOf(added.body), added.head.headers.first("content-type")]).toEqual(['{"a":1}', "application/json"]);
    const removed = exchangeAfter([{ op: "remove", path: "/request/body" }], {
      exchange: withBody("{}", { "content-length": "2" }),
    });
    expect([removed.body, removed.head.headers.has("content-length")]).toEqual([undefined, false]);
  });

  it("are replaced whole as text or as base64, and not otherwise", () => {
    const exchange = exchangeOf({ head: { method: "POST" }, body: bytes("old") });
    expect(textOf(exchangeAfter([set("/request/body", "n\u00e9w")], { plan: { body: "text" }, exchange }).body)).toBe("n\u00e9w");
    expect(textOf(exchangeAfter([set("/request/body", "bmV3")], { plan: { body: "bytes" }, exchange }).body)).toBe("new");
    expect(refusalOf([set("/request/body", "bmV3=")], { plan: { body: "bytes" }, exchange })).toBe(
      "patch_rejected a body of bytes is a base64 string",
    );
    expect(refusalOf([set("/request/body", 1)], { plan: { body: "text" }, exchange })).toBe(
      "patch_rejected a text body is a string",
    );
    expect(refusalOf([set("/request/body/a", 1)], { plan: { body: "text" }, exchange })).toBe("patch_rejected missing");
  });

  it.each([10, 100_000])("may grow to twice what is shown of one, %i bytes, and no further", (maxBodyBytes) => {
    const plan = { limits: { ...MAX_BODY, maxBodyBytes } };
    // quotes included
    const fits = "a".repeat(2 * maxBodyBytes - 2);
    expect(refusalOf([set("/request/body", fits)], { plan })).toBe("accepted");
    expect(refusalOf([set("/request/body", `${fits}a`)], { plan })).toMatch(
      /^patch_rejected (too-large|the body would be larger)/,
    );
  });

  it("refuse a copy bomb", () => {
    const exchange = withBody('{"list":["0123456789"]}');
    // each doubles the list
    const copies = (count: number) =>
      Array.from({ length: count }, (): PatchOperation => ({
        op: "copy",
        from: "/request/body/list",
        path: "/request/body/list/-",
      }));
    const plan = { limits: { ...MAX_BODY, maxBodyBytes: 100_000 } };
    expect(refusalOf(copies(8), { plan, exchange })).toBe("accepted");
    expect(refusalOf(copies(32), { plan, exchange })).toBe("patch_rejected too-large");
  });

  it("survive any patch of another member", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = `{"kept":${stringifyJson(value)},"n":1}`;
        const after = textOf(exchangeAfter([set("/request/body/n", 2)], { exchange: withBody(text) }).body) ?? "";
        expect(after).toBe(`{"kept":${stringifyJson(value)},"n":2}`);
        expect(parseJson(after).ok).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("responses (C26)", () => {
  const plan = { phase: "post-response", needs: ["/response"], writes: ["/response"] } as const;
  const body = set("/response/body", new Map());

  it("are patched in status, headers and body", () => {
    const exchange = exchangeOf({ response: { headers: headers({ etag: "v1", server: "u" }), body: bytes("{}") } });
    const operations = [set("/response/status", 201), set("/response/headers/server", "s"), body];
    // the upstream named no type, so the binding takes text here
    const after = exchangeAfter(operations.slice(0, 2), { plan: { ...plan, body: "text" }, exchange });
    expect(after.response).toMatchObject({ status: 201, body: exchange.response?.body });
    const typed = {
      ...exchange,
      response: { ...exchange.response!, headers: headers({ "content-type": "application/json", etag: "v1" }) },
    };
    const patched = exchangeAfter([body], { plan, exchange: typed }).response;
    expect([textOf(patched?.body), patched?.headers.has("etag")]).toEqual(["{}", false]);
  });

  it.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("have no body to patch after %s with %i", (method, status) => {
    const exchange = exchangeOf({ head: { method }, response: { status } });
    for (const operation of [body, { op: "remove", path: "/response/body" }] as const) {
      expect(refusalOf([operation], { plan, exchange })).toMatch(/^patch_rejected (the response has no body to patch|missing)$/);
    }
    expect(refusalOf([set("/response/headers/x-a", "1")], { plan, exchange })).toBe("accepted");
  });

  it.each([
    [200, 204],
    [200, 304],
    [204, 200],
    [304, 404],
  ])("do not change from %i to %i, one of which has no body", (status, next) => {
    expect(refusalOf([set("/response/status", next)], { plan, exchange: exchangeOf({ response: { status } }) })).toMatch(
      /^patch_rejected the status/,
    );
  });

  it.each([100, 101, 199, 600, 0, 200.5, "200", null])("do not take %j for a status", (status) => {
    expect(refusalOf([set("/response/status", status)], { plan, exchange: exchangeOf({ response: {} }) })).toBe(
      "patch_rejected a status is a number from 200 to 599",
    );
  });
});
