import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { problemOf, reviewsOf, type Asking } from "./support/ask.ts";
import { from, header, ILLEGAL, set } from "./support/illegal-operations.ts";
import { response, withoutIds } from "./support/recording-upstream.ts";
import { reviewed, type Reviewed } from "./support/reviewed.ts";
import { answerOfBytes, byBinding, patching } from "./support/scripted.ts";

const JSON_TYPE = ["Content-Type", "application/json"] as const;

/** What the bindings on requests ask to write: whole containers, so that only what is protected by rule is out of reach. */
const WRITES = ["/request/headers", "/request/query", "/request/path", "/request/method", "/request/body"];

const NEEDS = ["/request/headers", "/request/query", "/request/path", "/request/body", "/labels"];

const RESPONSE_NEEDS = ["/response/status", "/response/headers", "/response/body"];

const UPSTREAM_BODY = '{"price":1.0,"id":12345678901234567890,"list":[1e5]}';

let house: Reviewed;

beforeAll(async () => {
  // a label has one writer in a plan (C10), so only one of the two may
  const request = (id: string, operator = {}) =>
    ({
      declares: {
        id,
        phase: "pre-route",
        mode: "mutate",
        needs: NEEDS,
        writes: id === "closed" || id === "narrow" ? [...WRITES, "/labels"] : WRITES,
        body: "json",
      },
      operator,
    }) as const;
  const onResponse = (id: string, operator = {}) =>
    ({
      declares: { id, phase: "post-response", mode: "mutate", needs: RESPONSE_NEEDS, writes: RESPONSE_NEEDS, body: "json" },
      operator,
    }) as const;
  house = await reviewed(
    [
      request("closed"),
      request("open", { failure_policy: "fail-open" }),
      request("narrow", {
        writes: ["/request/headers/x-a", "/request/body/list"],
        needs: ["/request/headers/x-in", "/request/body"],
      }),
      { ...request("warned"), route: { warnings: true } },
      request("pair", { order: 1 }),
      request("pair-second", { order: 2, match: { routes: ["pair"] }, failure_policy: "fail-open" }),
      onResponse("answer"),
      onResponse("cookies", { may: ["set-cookies"] }),
      {
        declares: {
          id: "owner",
          phase: "pre-route",
          mode: "mutate",
          needs: ["/request/path"],
          writes: ["/request/headers/x-owned"],
          ownsHeaders: ["x-owned"],
        },
      },
    ],
    {
      respond: () =>
        response(UPSTREAM_BODY, {
          status: 201,
          headers: ["Content-Type: application/json", "X-Kept: a", "X-Kept: b", 'ETag: "1"', "Set-Cookie: session=upstream"],
        }),
      // somebody's credential slots make fields hidden on every route (C23)
      sections: {
        authenticators: {
          ops: { type: "static-token", token_file: "ops.token", slots: ["bearer", "header/x-api-key"], principal: { id: "ops" } },
        },
        routes: [{ name: "ops", match: { path: "/ops/**" }, authenticate: ["ops"], upstream: "main" }],
      },
      files: { "ops.token": "a-token-nobody-shows-00000000" },
    },
  );
});

afterAll(() => house?.[Symbol.asyncDispose]());

const REQUEST: Omit<Asking, "path"> = {
  method: "POST",
  headers: [["Authorization", "Bearer canary-credential"], ["X-In", "in"], ["X-A", "before"], JSON_TYPE],
  body: '{"list":[1,2],"price":1.0}',
};

const VALID = header("x-b", '"patched"');

describe("an illegal operation beside a valid one", () => {
  it.each(ILLEGAL)("is invalid, and the upstream is not reached, where it %s (C10)", async (_what, operation) => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [VALID, operation]);
    const { answer, seen, line } = await house.send({ ...REQUEST, path: "/closed/a" });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict" });
    expect(answer.raw).not.toContain("canary");
    expect(seen).toEqual([]);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
    expect(JSON.stringify(house.gateway.lines)).not.toContain("canary");
  });

  it.each(ILLEGAL)(
    "changes nothing, the valid one included, under fail-open where it %s (C10, C19)",
    async (_what, operation) => {
      house.service.answers = ({ reviewId }) =>
        patching(reviewId, [VALID, operation], { annotations: [{ name: "a", value: "b" }], warnings: ["w"] });
      const { seen, line } = await house.send({ ...REQUEST, path: "/open/a?q=1" });
      const bare = await house.sendBare({ ...REQUEST, path: "/open/a?q=1" });
      expect(seen.map(withoutIds)).toEqual(bare.seen.map(withoutIds));
      expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
    },
  );

  it.each([
    ["a header outside writes", header("x-b")],
    ["a part of the body outside writes", set("/request/body/price", "0")],
    ["the whole body where only a part is granted", set("/request/body", "{}")],
    ["a label outside writes", set("/labels/a", '"x"')],
    ["a field the operator's needs left out, as a source", from("copy", "/request/headers/x-a2")],
  ])("is invalid where it writes %s, whatever the manifest asked for (C30)", async (_what, operation) => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [header("x-a"), operation]);
    const { answer, seen, line } = await house.send({
      ...REQUEST,
      headers: [...(REQUEST.headers ?? []), ["x-a2", "v"]],
      path: "/narrow/a",
    });
    expect([answer.status, seen]).toEqual([502, []]);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
  });
});

describe("the limits of a verdict", () => {
  const labels = (count: number): readonly PatchOperation[] =>
    Array.from({ length: count }, (_, index) => set(`/labels/l${index}`, '"x"'));

  it("are 32 patches: 32 are applied, 33 are too_many_patches", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, labels(32));
    const kept = await house.send({ ...REQUEST, path: "/closed/a" });
    expect(Object.keys(Object(kept.line["labels"]))).toHaveLength(32);
    house.service.answers = ({ reviewId }) => patching(reviewId, labels(33));
    const refused = await house.send({ ...REQUEST, path: "/closed/a" });
    expect(reviewsOf(refused.line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "too_many_patches" })]);
    expect(refused.seen).toEqual([]);
  });

  it("are 1 MiB: a verdict of that size is read, a byte more is too_large", async () => {
    house.service.answers = ({ reviewId }) => ({ kind: "message", bytes: answerOfBytes(reviewId, 1024 * 1024) });
    expect((await house.send({ ...REQUEST, path: "/closed/a" })).answer.status).toBe(201);
    house.service.answers = ({ reviewId }) => ({ kind: "message", bytes: answerOfBytes(reviewId, 1024 * 1024 + 1) });
    const refused = await house.send({ ...REQUEST, path: "/closed/a" });
    expect(reviewsOf(refused.line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "too_large" })]);
    expect([refused.answer.status, refused.seen]).toEqual([502, []]);
  });

  it("bound what a body may grow to: copies of copies are refused before they are made", async () => {
    const doubling = Array.from({ length: 30 }, (_, index): PatchOperation => ({
      op: "copy",
      from: "/request/body/list",
      path: `/request/body/list/${index % 2 === 0 ? "-" : "0"}`,
    }));
    house.service.answers = ({ reviewId }) => patching(reviewId, doubling);
    const { line, seen } = await house.send({ ...REQUEST, path: "/closed/a" });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
    expect(seen).toEqual([]);
  });
});

describe("a legal patch of the request", () => {
  it("sets one line for a string and several for a list, and leaves the other lines separate and in order (C25)", async () => {
    house.service.answers = ({ reviewId }) =>
      patching(reviewId, [
        header("x-a", '["1","2"]'),
        header("x-b", '"gr\u00fc\u00df"'),
        { op: "remove", path: "/request/headers/x-in" },
      ]);
    const { seen } = await house.send({
      path: "/closed/a",
      headers: [
        ["X-Z", "2"],
        ["X-In", "in"],
        ["X-A", "0"],
        ["x-z", "1"],
      ],
    });
    const own = (seen[0] ?? "").split("\r\n").filter((line) => /^x-(?:[abz]|in):/i.test(line));
    expect(own.filter((line) => /^x-z/i.test(line))).toEqual(["X-Z: 2", "x-z: 1"]);
    expect(own.filter((line) => !/^x-z/i.test(line)).map((line) => line.toLowerCase())).toEqual([
      "x-a: 1",
      "x-a: 2",
      "x-b: gr\u00fc\u00df",
    ]);
  });

  it("serialises only the query names it touched (C25)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [set("/request/query/b", '["new value"]')]);
    const { seen } = await house.send({ path: "/closed/a?a=%41+x&b=old&c&a=%c3%a9" });
    expect(seen[0]).toMatch(/^GET \/closed\/a\?a=%41\+x&b=new(\+|%20)value&c&a=%c3%a9 /);
  });

  it("sets labels, which the access log tells and the upstream does not see", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [set("/labels/team", '"blue"')]);
    const { seen, line } = await house.send({ path: "/closed/a" });
    expect(line["labels"]).toEqual({ team: "blue" });
    expect(seen[0]).not.toContain("blue");
  });
});

describe("a mutator behind another", () => {
  it("sees what the first one did; when it fails open, that stays and nothing of its own does (C19)", async () => {
    house.service.answers = byBinding({
      pair: ({ reviewId }) => patching(reviewId, [header("x-a", '"first"'), set("/request/body/first", "true")]),
      "pair-second": ({ reviewId }) =>
        patching(reviewId, [header("x-b", '"second"'), set("/request/body/second", "true"), set("/request/host", '"elsewhere"')]),
    });
    const { seen } = await house.send({ ...REQUEST, path: "/pair/a" });
    const shown = house.service.reviews.findLast(({ bindingId }) => bindingId === "pair-second")?.view?.request;
    expect(shown?.headers).toContainEqual({ name: "x-a", value: "first" });
    expect(shown?.body?.content?.value).toBe('{"list":[1,2],"price":1.0,"first":true}');
    expect(seen[0]).toMatch(/\r\nx-a: first\r\n/i);
    expect(seen[0]).not.toMatch(/x-b|elsewhere/);
    expect(seen[0]?.split("\r\n\r\n")[1]).toBe('{"list":[1,2],"price":1.0,"first":true}');
  });
});

describe("the notes of an allow", () => {
  const notes = { annotations: [{ name: "why", value: "because" }], warnings: ["tenant header is deprecated", "line\nbreak"] };

  it("are logged, and its warnings reach the client where the route says so (RFC.md §4.1)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [], notes);
    const { answer, line } = await house.send({ path: "/warned/a" });
    expect(answer.headers["sallyport-warning"]?.split("\n")).toEqual(["tenant header is deprecated", "line break"]);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ annotations: { why: "because" } })]);
  });

  it("stay with the operator elsewhere", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [], notes);
    const { answer, seen } = await house.send({ path: "/closed/a" });
    expect(answer.headers["sallyport-warning"]).toBeUndefined();
    expect(answer.raw + seen.join("")).not.toMatch(/deprecated|because/);
  });

  it("are too many beyond 16: the verdict is invalid (C9)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [], { warnings: Array.from({ length: 17 }, () => "w") });
    const { line } = await house.send({ path: "/closed/a" });
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "contract" })]);
  });
});

describe("a legal patch of the response", () => {
  it("sets status, headers and part of a bounded body, and keeps every other digit (C24)", async () => {
    house.service.answers = ({ reviewId }) =>
      patching(reviewId, [
        set("/response/status", "202"),
        set("/response/headers/x-new", '"n"'),
        set("/response/body/note", '"seen"'),
      ]);
    const { answer } = await house.send({ path: "/answer/a" });
    expect(answer.status).toBe(202);
    expect(answer.headers).toMatchObject({ "x-new": "n", "x-kept": "a\nb", "content-type": "application/json" });
    expect(answer.body.toString()).toBe('{"price":1.0,"id":12345678901234567890,"list":[1e5],"note":"seen"}');
    // what described the old bytes is gone
    expect(answer.headers["etag"]).toBeUndefined();
    expect(answer.headers["content-length"]).toBe(String(answer.body.byteLength));
  });

  it.each([
    ["writes the request", header("x-a")],
    ["writes a label", set("/labels/a", '"x"')],
    ["writes set-cookie without the power", set("/response/headers/set-cookie/-", '"a=b"')],
    ["writes a CORS header (C27)", set("/response/headers/access-control-allow-origin", '"*"')],
    ["writes content-length", set("/response/headers/content-length", '"1"')],
    ["writes the request id", set("/response/headers/x-request-id", '"1"')],
    ["writes a status that is none", set("/response/status", "99")],
    ["makes a body vanish by its status (C26)", set("/response/status", "204")],
  ])("is invalid, and nothing of the response leaks, where it %s", async (_what, operation) => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [set("/response/headers/x-new", '"n"'), operation]);
    const { answer, line } = await house.send({ path: "/answer/a" });
    expect(problemOf(answer)).toMatchObject({ status: 502, code: "interceptor_invalid_verdict", retryable: false });
    expect(answer.raw).not.toMatch(/1234567890|x-kept|x-new|session/i);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
  });

  it("has no body to patch on HEAD: that is invalid (C26)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [set("/response/body", "{}")]);
    const { answer, line } = await house.send({ method: "HEAD", path: "/answer/a" });
    expect(answer.status).toBe(502);
    expect(reviewsOf(line)).toEqual([expect.objectContaining({ failure: "invalid", reason: "patch_rejected" })]);
  });

  it("appends cookies with the power to, and neither sees nor loses those of the upstream (C23)", async () => {
    house.service.answers = ({ reviewId }) => patching(reviewId, [set("/response/headers/set-cookie/-", '"mine=1; Path=/"')]);
    const { answer } = await house.send({ path: "/cookies/a" });
    expect(answer.headers["set-cookie"]).toBe("session=upstream\nmine=1; Path=/");
    expect(house.service.reviews.at(-1)?.view?.response?.headers.map(({ name }) => name)).not.toContain("set-cookie");
  });
});
