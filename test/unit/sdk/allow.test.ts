import { type Allow, allow, binding, defineInterceptor, deny, InvalidVerdictError, respond } from "@sallyport/interceptors-sdk";
import { review, type ReviewInput } from "@sallyport/interceptors-sdk/testing";
import { describe, expect, it } from "vitest";

const WRITES = ["/request", "/labels"] as const;

/** Reviews with a mutator before forwarding that may write everything and is shown `x-seen` and the query. */
function mutated(answer: Allow<`/request/${string}` | `/labels/${string}`>, input: ReviewInput = {}) {
  const interceptor = defineInterceptor({
    name: "mutator",
    bindings: {
      only: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/headers/x-seen", "/request/query"],
        writes: WRITES,
        cacheable: true,
        review: () => answer,
      }),
    },
  });
  return review(interceptor, "only", input);
}

function afterwards(
  answer: Allow<"/response/status" | "/response/headers/x-a" | "/response/headers/set-cookie/-" | "/response/body">,
  input: ReviewInput = {},
) {
  const interceptor = defineInterceptor({
    name: "mutator",
    bindings: {
      only: binding({
        phase: "post-response",
        mode: "mutate",
        needs: ["/response/headers"],
        writes: ["/response/status", "/response/headers/x-a", "/response/headers/set-cookie/-", "/response/body"],
        review: () => answer,
      }),
    },
  });
  return review(interceptor, "only", input);
}

const patchesOf = (verdict: Awaited<ReturnType<typeof review>>["verdict"]) => (verdict.kind === "allow" ? verdict.patches : []);

describe("allow", () => {
  it("changes nothing by itself", async () => {
    const { verdict } = await mutated(allow());
    expect(verdict).toEqual({ kind: "allow", patches: [], annotations: [], warnings: [] });
  });

  it("sets method, path, query, headers, body and labels", async () => {
    const { view } = await mutated(
      allow()
        .setMethod("PUT")
        .setPath("/v2/items")
        .setQuery("page", "2")
        .setQuery("tag", ["a", "b/c"])
        .setHeader("x-new", "1")
        .setHeader("x-list", ["1", "2"])
        .setBody({ a: 1 })
        .label("tenant", "acme"),
      { request: { path: "/v1/items", query: { page: "1" } } },
    );
    expect(view.request).toMatchObject({
      method: "PUT",
      path: "/v2/items",
      query: { page: ["2"], tag: ["a", "b/c"] },
      headers: { "x-new": "1", "x-list": "1, 2" },
      bodyText: '{"a":1}',
    });
    expect(view.labels).toEqual({ tenant: "acme" });
  });

  it("sets status, headers and body of a response", async () => {
    const { view } = await afterwards(allow().setStatus(203).setResponseHeader("x-a", "1").setResponseBody(["x"]), {
      response: { status: 200, body: { secret: 1 } },
    });
    expect(view.response).toEqual({ status: 203, headers: { "x-a": "1" }, body: ["x"], bodyText: '["x"]' });
  });

  it("removes a header it was shown in one operation", async () => {
    const { verdict, view } = await mutated(allow().removeHeader("x-seen"), { request: { headers: { "x-seen": "1" } } });
    expect(patchesOf(verdict)).toEqual([{ op: "remove", path: "/request/headers/x-seen" }]);
    expect(view.request.headers).toEqual({});
  });

  it("removes a header it was not shown, whether or not there is one", async () => {
    for (const headers of [{ "x-unseen": "1" }, {}]) {
      const { verdict, view } = await mutated(allow().removeHeader("x-unseen"), { request: { headers } });
      expect(patchesOf(verdict).map(({ op }) => op)).toEqual(["add", "remove"]);
      expect(view.request.headers).toEqual({});
    }
  });

  it("removes all values of a query name, whether or not there are any", async () => {
    const { view } = await mutated(allow().removeQuery("a").removeQuery("b"), { request: { query: { a: ["1", "2"] } } });
    expect(view.request.query).toEqual({});
  });

  it("removes a response header", async () => {
    const { view } = await afterwards(allow().removeResponseHeader("x-a"), { response: { headers: { "x-a": "1", b: "2" } } });
    expect(view.response.headers).toEqual({ b: "2" });
  });

  it("appends cookies where the power was granted, and not where it was not", async () => {
    const answer = allow().appendSetCookie("a=1; Path=/");
    const input = { response: { headers: { "set-cookie": "session=hidden" } } };
    const { view } = await afterwards(answer, { ...input, may: ["set-cookies"] });
    expect(view.response.headers["set-cookie"]).toBe("session=hidden, a=1; Path=/");
    await expect(afterwards(answer, input)).rejects.toThrow(/patch_rejected: operation 0 .*set-cookie.*not-writable/);
  });

  it("carries annotations, warnings, cache and validity", async () => {
    const { verdict } = await mutated(
      allow().annotate("plan", "gold").warn("x-old is going away").cacheFor(1000, ["plan"]).validFor(5000),
    );
    expect(verdict).toMatchObject({
      annotations: [{ name: "plan", value: "gold" }],
      warnings: ["x-old is going away"],
      cache: { ttlMs: 1000, tags: ["plan"] },
      validForMs: 5000,
    });
  });

  it("leaves the verdict it was chained on as it was, so that one can be shared", async () => {
    const shared = allow().annotate("a", "1");
    shared.label("tenant", "acme").warn("unused");
    const { verdict, view } = await mutated(shared);
    expect(verdict).toMatchObject({ annotations: [{ name: "a", value: "1" }], warnings: [], patches: [] });
    expect(view.labels).toEqual({});
  });

  it.each([
    ["header", () => allow().setHeader("X-Upper", "1")],
    ["header", () => allow().setHeader("x-a", "1\r\nx-b: 2")],
    ["header", () => allow().setHeader("x-a", "\u0100")],
    ["header", () => allow().setHeader("x-a", [])],
    ["header", () => allow().removeHeader("not a name")],
    ["query", () => allow().setQuery("a", [])],
    ["path", () => allow().setPath("/a/../b")],
    ["path", () => allow().setPath("/a?b=c")],
    ["method", () => allow().setMethod("get")],
    ["status", () => allow().setStatus(101)],
    ["label", () => allow().label("tenant", "a\nb")],
    ["label", () => allow().label("tenant", "a".repeat(1025))],
    ["label", () => allow().label("no spaces", "a")],
    ["annotations", () => allow().annotate("a", "ä".repeat(129))],
    ["annotations", () => allow().annotate("", "a")],
    ["annotations", () => Array.from({ length: 17 }).reduce<Allow>((verdict) => verdict.annotate("a", "b"), allow())],
    ["warnings", () => allow().warn("a".repeat(257))],
    ["warnings", () => Array.from({ length: 17 }).reduce<Allow>((verdict) => verdict.warn("b"), allow())],
    ["cache", () => allow().cacheFor(0)],
    ["cache", () => allow().cacheFor(10, [""])],
    ["valid_for", () => allow().validFor(1.5)],
    ["status", () => respond(99)],
    ["header", () => respond(200, { headers: { "x-a": "\n" } })],
  ])("refuses an illegal value at once, naming the rule %s", (rule, build) => {
    expect(build).toThrow(InvalidVerdictError);
    expect(build).toThrow(new RegExp(`^${rule}: `));
  });

  it("quotes no value in an error: it may come from a client", () => {
    expect(() => allow().setHeader("x-a", "secret\n")).toThrow(expect.not.objectContaining({ message: /secret/ }));
  });

  it("refuses more operations than the gateway accepts", async () => {
    const answer = allow().setHeader("x-a", "1").setHeader("x-b", "1").setHeader("x-c", "1");
    await expect(mutated(answer, { limits: { maxPatches: 2 } })).rejects.toThrow(/max_patches: 3 operations.*accepts 2/);
  });

  it("refuses a verdict larger than the gateway accepts", async () => {
    const answer = allow().setBody("a".repeat(2000));
    await expect(mutated(answer, { limits: { maxResponseBytes: 1024 } })).rejects.toThrow(/max_response_bytes: .*accepts 1024/);
  });

  it("refuses fields no grant can make writable", async () => {
    for (const name of ["host", "content-length", "x-request-id", "connection"]) {
      await expect(mutated(allow().setHeader(name, "1"))).rejects.toThrow(/writes: \/request\/headers\/.*protected/);
    }
  });

  it("refuses patches where the operator granted a validator, and leaves them out for an observer", async () => {
    const answer = allow().label("tenant", "acme");
    await expect(mutated(answer, { mode: "validate" })).rejects.toThrow(/mode: the operator granted mode validate/);
    expect(patchesOf((await mutated(answer, { mode: "observe" })).verdict)).toEqual([]);
  });

  it("refuses a cache lifetime of a binding that is not cacheable", async () => {
    await expect(afterwards(allow().cacheFor(1000))).rejects.toThrow(/cache: .*cacheable: true/);
  });
});

describe("a body that is no JSON", () => {
  const text = defineInterceptor({
    name: "text",
    bindings: {
      shout: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/body"],
        writes: ["/request/body"],
        body: "text",
        review: () => allow().edit("/request/body", (draft: string) => draft.toUpperCase()),
      }),
      flip: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/body"],
        writes: ["/request/body"],
        body: "bytes",
        review: ({ request }) =>
          request.body === undefined
            ? allow().setBody(new Uint8Array([1]))
            : allow().edit("/request/body", (draft: Uint8Array) => draft.set(draft.toReversed())),
      }),
      part: binding({
        phase: "pre-route",
        mode: "mutate",
        needs: ["/request/body"],
        writes: ["/request/body"],
        body: "text",
        review: () => allow().edit("/request/body/a", () => "b"),
      }),
    },
  });

  it("is replaced whole by what edit returns", async () => {
    expect((await review(text, "shout", { request: { body: "abc" } })).view.request.body).toBe("ABC");
  });

  it("sends nothing when edit changes nothing", async () => {
    expect((await review(text, "shout", { request: { body: "ABC" } })).verdict).toMatchObject({ patches: [] });
  });

  it("may be altered in place when it is bytes", async () => {
    expect((await review(text, "flip", { request: { body: new Uint8Array([1, 2, 255]) } })).view.request.body).toEqual(
      new Uint8Array([255, 2, 1]),
    );
    expect((await review(text, "flip")).view.request.body).toEqual(new Uint8Array([1]));
  });

  it("has no parts", async () => {
    await expect(review(text, "part", { request: { body: "abc" } })).rejects.toThrow(
      /edit: a body shown as text is edited whole/,
    );
  });
});

describe("deny", () => {
  const denier = (answer: ReturnType<typeof deny>) =>
    defineInterceptor({
      name: "denier",
      bindings: { only: binding({ phase: "pre-auth", mode: "validate", needs: [], review: () => answer }) },
    });

  it("arrives with everything it carries", async () => {
    const answer = deny(429, "slow_down", "come back later", {
      headers: { "retry-after": 3, "www-authenticate": ["Basic", "Bearer"] },
      body: { left: 0 },
      grpcCode: 8,
    });
    const { verdict } = await review(denier(answer.annotate("plan", "free").warn("nearly")), "only");
    expect(verdict).toEqual({
      kind: "deny",
      status: 429,
      grpcCode: 8,
      code: "slow_down",
      message: "come back later",
      headers: [
        { name: "retry-after", value: "3" },
        { name: "www-authenticate", value: "Basic" },
        { name: "www-authenticate", value: "Bearer" },
      ],
      body: new Map([["left", 0]]),
      annotations: [{ name: "plan", value: "free" }],
      warnings: ["nearly"],
      defects: [],
    });
  });

  it("sheds what it can do without rather than be too large to count", async () => {
    const answer = deny(403, "no", "x".repeat(1024), { body: "b".repeat(4000), headers: { "retry-after": "1" } });
    const { verdict } = await review(denier(answer), "only", { limits: { maxResponseBytes: 1024 } });
    expect(verdict).toMatchObject({ kind: "deny", status: 403, code: "no", headers: [] });
  });

  it("is cut to 1 KiB without splitting a character", async () => {
    const { verdict } = await review(denier(deny(403, "no", "ä".repeat(600))), "only");
    expect(verdict).toMatchObject({ message: "ä".repeat(512), defects: [] });
  });
});

describe("respond", () => {
  const responder = defineInterceptor({
    name: "responder",
    bindings: {
      only: binding({
        phase: "pre-auth",
        mode: "mutate",
        needs: [],
        review: () => respond(200, { headers: { "content-type": "text/plain" }, body: "hello" }).annotate("from", "here"),
      }),
    },
  });

  it("arrives where the power was granted", async () => {
    const { verdict } = await review(responder, "only", { may: ["respond"] });
    expect(verdict).toMatchObject({ kind: "respond", status: 200, headers: [{ name: "content-type", value: "text/plain" }] });
    expect(verdict.kind === "respond" && Buffer.from(verdict.body).toString()).toBe("hello");
  });

  it("is a failed review where it was not", async () => {
    await expect(review(responder, "only")).rejects.toThrow(/takes the power "respond"/);
  });
});
