import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { readMetrics } from "./support/metrics.ts";
import { response, withoutIds } from "./support/recording-upstream.ts";
import { reviewed, type Reviewed } from "./support/reviewed.ts";
import { denying, json, patching } from "./support/scripted.ts";

/** What the bindings of this file are shown at most, decoded. */
const LIMIT = 1024;

let house: Reviewed;

/** What the upstream answers next; a character a byte. */
let answered = response('{"ok":true}', { headers: ["Content-Type: application/json"] });

beforeAll(async () => {
  const request = (id: string, operator = {}) =>
    ({
      declares: { id, phase: "pre-route", mode: "mutate", needs: ["/request/body"], writes: ["/request/body"], body: "json" },
      operator: { max_body_bytes: `${LIMIT}B`, ...operator },
    }) as const;
  const onResponse = (id: string, operator = {}) =>
    ({
      declares: {
        id,
        phase: "post-response",
        mode: "mutate",
        needs: ["/response/body"],
        writes: ["/response/body"],
        body: "json",
      },
      operator: { max_body_bytes: `${LIMIT}B`, ...operator },
    }) as const;
  house = await reviewed(
    [
      request("closed"),
      request("open", { failure_policy: "fail-open" }),
      request("skip", { on_unreviewable: "skip" }),
      request("text", { body: "text" }),
      request("bytes", { body: "bytes" }),
      request("undecoded", { decode: ["br"] }),
      onResponse("answer", { failure_policy: "fail-open" }),
      onResponse("answer-skip", { on_unreviewable: "skip" }),
    ],
    { respond: () => answered },
  );
});

afterAll(() => house?.[Symbol.asyncDispose]());

const JSON_TYPE = ["Content-Type", "application/json"] as const;

/** A request with this body, of this type, in this coding. */
const posting = (body: string | Uint8Array, coding?: string, type: string | null = "application/json"): Omit<Asking, "path"> => ({
  method: "POST",
  headers: [
    ...(type === null ? [] : [["Content-Type", type] as const]),
    ...(coding === undefined ? [] : [["Content-Encoding", coding] as const]),
  ],
  body,
});

const jsonOf = (bytes: number): string => `{"a":"${"x".repeat(bytes - 8)}"}`;

const DEEP = `${"[".repeat(129)}${"]".repeat(129)}`;

/** Requests whose body cannot be shown, and what the client is told (C18, C24). */
const UNREVIEWABLE: readonly (readonly [what: string, request: Omit<Asking, "path">, status: number, code: string])[] = [
  ["a body of the limit and one byte", posting(jsonOf(LIMIT + 1)), 413, "body_too_large"],
  ["a gzip body that is larger once decoded", posting(gzipSync(jsonOf(LIMIT + 1)), "gzip"), 413, "body_too_large"],
  ["a gzip bomb", posting(gzipSync(Buffer.alloc(1024 * 1024)), "gzip"), 413, "body_too_large"],
  ["JSON cut short", posting('{"a":1'), 400, "body_malformed"],
  ["JSON with a name twice", posting('{"a":1,"a":2}'), 400, "body_malformed"],
  ["JSON nested too deep", posting(DEEP), 400, "body_malformed"],
  ["JSON in invalid UTF-8", posting(Buffer.from([0x22, 0xff, 0x22])), 400, "body_malformed"],
  ["a gzip body that is none", posting("not gzip", "gzip"), 400, "body_malformed"],
  ["bytes behind a gzip body", posting(Buffer.concat([gzipSync('{"a":1}'), Buffer.from("{}")]), "gzip"), 400, "body_malformed"],
  ["two gzip members", posting(Buffer.concat([gzipSync('{"a":1}'), gzipSync(" ")]), "gzip"), 400, "body_malformed"],
  ["a coding nobody knows", posting('{"a":1}', "compress"), 415, "body_unsupported"],
  ["two codings", posting(gzipSync(gzipSync('{"a":1}')), "gzip, gzip"), 415, "body_unsupported"],
  ["another type", posting("<a/>", undefined, "application/xml"), 415, "body_unsupported"],
  ["no type", posting('{"a":1}', undefined, null), 415, "body_unsupported"],
  ["another charset", posting('{"a":1}', undefined, "application/json; charset=utf-16"), 415, "body_unsupported"],
  [
    "a charset given twice",
    posting('{"a":1}', undefined, "application/json; charset=utf-8; charset=utf-7"),
    415,
    "body_unsupported",
  ],
];

describe("a request body that cannot be shown", () => {
  it.each(
    UNREVIEWABLE.flatMap((row) => (["closed", "open"] as const).map((route) => [row[0], row[2], row[3], route, row[1]] as const)),
  )("%s is answered %i %s under fail-%s alike, and nobody is asked (C18)", async (_what, status, code, route, request) => {
    const asked = house.service.reviews.length;
    const { answer, seen, line } = await house.send({ ...request, path: `/${route}/a` });
    expect(problemOf(answer)).toMatchObject({ status, code, retryable: false });
    expect(seen).toEqual([]);
    expect(house.service.reviews).toHaveLength(asked);
    expect(line).toMatchObject({ level: "info", outcome: "refused", decided_by: `scripted/${route}` });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ unreviewable: "refused" })]);
  });

  it.each(UNREVIEWABLE)("%s passes verbatim, counted as a gap, where the operator says skip (C18)", async (_what, request) => {
    const asked = house.service.reviews.length;
    const series = { interceptor: "scripted", binding: "skip", phase: "pre-route" };
    const before = (await readMetrics(house.gateway))("sallyport_review_skipped_total", series);
    const { seen, line } = await house.send({ ...request, path: "/skip/a" });
    const bare = await house.sendBare({ ...request, path: "/skip/a" });
    expect(seen.map(withoutIds)).toEqual(bare.seen.map(withoutIds));
    expect(seen).toHaveLength(1);
    expect(house.service.reviews).toHaveLength(asked);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ unreviewable: "skipped" })]);
    expect((await readMetrics(house.gateway))("sallyport_review_skipped_total", series) - before).toBe(1);
  });

  it("is refused as soon as its declared length says so, before a byte of it is read (C24)", async () => {
    const { answer } = await house.send({
      method: "POST",
      path: "/closed/a",
      headers: [JSON_TYPE, ["Content-Length", String(LIMIT + 1)]],
    });
    expect(problemOf(answer)).toMatchObject({ status: 413, code: "body_too_large" });
  });
});

describe("a request body that can be shown", () => {
  const shown = () => house.service.reviews.at(-1)?.view?.request?.body?.content;

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
    ["deflate", deflateSync],
  ])(
    "does not escape a review by the coding %s: it is shown decoded, and denied for what it says (C24)",
    async (coding, compress) => {
      house.service.answers = ({ reviewId, view }) =>
        String(view?.request?.body?.content?.value).includes("forbidden") ? denying(reviewId) : patching(reviewId, []);
      const denied = await house.send({ ...posting(compress('{"word":"forbidden"}'), coding), path: "/open/a" });
      expect([denied.answer.status, denied.seen]).toEqual([403, []]);
      expect(shown()).toEqual({ $case: "json", value: '{"word":"forbidden"}' });
      // and goes out as it came when nobody patches it
      const allowed = await house.send({ ...posting(compress('{"word":"fine"}'), coding), path: "/open/a" });
      const bare = await house.sendBare({ ...posting(compress('{"word":"fine"}'), coding), path: "/open/a" });
      expect(allowed.seen.map(withoutIds)).toEqual(bare.seen.map(withoutIds));
    },
  );

  it("sent in chunks reaches the upstream whole and with one length, also where its review fails open (C19, C24)", async () => {
    house.service.answers = () => ({ kind: "status", code: 14 });
    const { seen } = await house.send({
      method: "POST",
      path: "/open/a",
      headers: [JSON_TYPE, ["Transfer-Encoding", "chunked"]],
      rest: '5\r\n{"a":\r\n4\r\n 1.0\r\n1\r\n}\r\n0\r\n\r\n',
    });
    const [head = "", body] = seen[0]?.split("\r\n\r\n") ?? [];
    expect(body).toBe('{"a": 1.0}');
    expect(head.match(/content-length: 10|transfer-encoding/gi)).toHaveLength(1);
  });

  it("is shown up to the limit, to the byte", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, []);
    const { answer } = await house.send({ ...posting(jsonOf(LIMIT)), path: "/closed/a" });
    expect(answer.status).toBe(200);
    expect(shown()?.value).toHaveLength(LIMIT);
  });

  it("is forwarded byte for byte when no patch touches it, however it is written (C24)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, []);
    const body = ' { "a" : 1.0, \t"b":12345678901234567890,\r\n"c":[1e5 , -0,0.10E+2], "d":"\\u00e9\\/" } ';
    const { seen } = await house.send({ ...posting(body), path: "/closed/a" });
    expect(seen[0]?.endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(shown()).toEqual({ $case: "json", value: body });
  });

  it("keeps 12345678901234567890, 1.0 and 1e5 as they were written when another field is patched (C24)", async () => {
    house.service.answers = ({ reviewId }) =>
      patching(reviewId, [{ op: "replace", path: "/request/body/word", value: "patched" }]);
    const { seen } = await house.send({
      ...posting('{"id":12345678901234567890,"word":"a","price":1.0,"list":[1e5,-0,0.10E+2]}'),
      path: "/closed/a",
    });
    expect(seen[0]?.split("\r\n\r\n")[1]).toBe(
      '{"id":12345678901234567890,"word":"patched","price":1.0,"list":[1e5,-0,0.10E+2]}',
    );
  });

  it("goes out uncoded, with its new length and without what described the old bytes, when it is patched (C24)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [{ op: "add", path: "/request/body/b", value: json("2") }]);
    const request = posting(gzipSync('{"a":1}'), "gzip");
    const described = ["Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "ETag", "Signature", "Signature-Input"].map(
      (name) => [name, "old"] as const,
    );
    const { seen } = await house.send({ ...request, headers: [...(request.headers ?? []), ...described], path: "/closed/a" });
    const [head = "", body] = seen[0]?.split("\r\n\r\n") ?? [];
    expect(body).toBe('{"a":1,"b":2}');
    expect(head).toMatch(/\r\ncontent-length: 13(\r\n|$)/i);
    expect(head).not.toMatch(/content-encoding|content-md5|digest|etag|signature|transfer-encoding/i);
  });

  it.each([
    ["text", "plain \u00e9 text", { $case: "text", value: "plain \u00e9 text" }],
    ["bytes", Buffer.from([0, 255, 1]), { $case: "raw", value: Buffer.from([0, 255, 1]) }],
  ])("is shown as %s where the operator says so, and replaced whole", async (format, body, expected) => {
    house.service.answers = ({ reviewId }) =>
      patching(reviewId, [
        { op: "replace", path: "/request/body", value: format === "text" ? "new" : Buffer.from("new").toString("base64") },
      ]);
    const { seen } = await house.send({ ...posting(body, undefined, "text/plain; charset=utf-8"), path: `/${format}/a` });
    expect(shown()).toMatchObject(expected);
    expect(seen[0]?.split("\r\n\r\n")[1]).toBe("new");
  });

  it("is decoded from the codings the operator lists and from no other (C24)", async () => {
    const { answer } = await house.send({ ...posting(gzipSync("{}"), "gzip"), path: "/undecoded/a" });
    expect(problemOf(answer)).toMatchObject({ status: 415, code: "body_unsupported" });
  });

  it("is absent, not empty, where the request has none", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, []);
    expect((await house.send({ path: "/closed/a" })).answer.status).toBe(200);
    expect(shown()).toBeUndefined();
  });
});

const JSON_ANSWER = ["Content-Type: application/json"];

/** Responses whose body cannot be shown (C18). */
const UNREVIEWABLE_RESPONSES: readonly (readonly [what: string, response: string])[] = [
  ["a response of the limit and one byte", response(jsonOf(LIMIT + 1), { headers: JSON_ANSWER })],
  ["an event stream", response("data: canary\n\n", { headers: ["Content-Type: text/event-stream"] })],
  ["a gRPC response", response("canary", { headers: ["Content-Type: application/grpc"] })],
  ["a partial response", response('{"a":"canary"}', { status: 206, headers: [...JSON_ANSWER, "Content-Range: bytes 0-13/20"] })],
  ["malformed JSON", response('{"a":canary', { headers: JSON_ANSWER })],
  ["another type", response("canary", { headers: ["Content-Type: text/html"] })],
  [
    "a gzip response that is larger once decoded",
    response(gzipSync(jsonOf(LIMIT + 1)).toString("latin1"), { headers: [...JSON_ANSWER, "Content-Encoding: gzip"] }),
  ],
  ["a coding nobody knows", response("canary", { headers: [...JSON_ANSWER, "Content-Encoding: compress"] })],
];

describe("a response body", () => {
  it.each(UNREVIEWABLE_RESPONSES)(
    "that cannot be shown is 502 for good, under fail-open too, and leaks nothing: %s (C18)",
    async (_what, bytes) => {
      answered = bytes;
      const { answer, line } = await house.send({ path: "/answer/a" });
      expect(problemOf(answer)).toMatchObject({ status: 502, code: "response_unreviewable", retryable: false });
      expect(answer.raw).not.toMatch(/canary|xxxx/);
      expect(answer.headers["retry-after"]).toBeUndefined();
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ unreviewable: "refused" })]);
    },
  );

  it.each(UNREVIEWABLE_RESPONSES)(
    "that cannot be shown passes verbatim where the operator says skip: %s (C18)",
    async (_what, bytes) => {
      answered = bytes;
      const { answer, line } = await house.send({ path: "/answer-skip/a" });
      const bare = await house.sendBare({ path: "/answer-skip/a" });
      expect(withoutIds(answer.raw)).toBe(withoutIds(bare.answer.raw));
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ unreviewable: "skipped" })]);
    },
  );

  it("is asked for whole and uncoded where a binding reads it (C24)", async () => {
    answered = response('{"a":1}', { headers: JSON_ANSWER });
    house.service.answers = ({ reviewId }) => patching(reviewId, []);
    const { seen } = await house.send({
      path: "/answer/a",
      headers: [
        ["Accept-Encoding", "gzip"],
        ["Range", "bytes=0-1"],
        ["If-Range", '"1"'],
      ],
    });
    expect(seen[0]).toMatch(/\r\naccept-encoding: identity\r\n/i);
    expect(seen[0]).not.toMatch(/\r\n(range|if-range):/i);
  });

  it("is shown decoded where the upstream codes it nevertheless, and passes byte for byte unpatched (C24)", async () => {
    const coded = gzipSync('{"price":1.0}').toString("latin1");
    answered = response(coded, { headers: [...JSON_ANSWER, "Content-Encoding: gzip"] });
    house.service.answers = ({ reviewId }) => patching(reviewId, []);
    const { answer } = await house.send({ path: "/answer/a" });
    expect(house.service.reviews.at(-1)?.view?.response?.body?.content).toEqual({ $case: "json", value: '{"price":1.0}' });
    expect(answer.body.toString("latin1")).toBe(coded);
    expect(answer.headers["content-encoding"]).toBe("gzip");
  });
});
