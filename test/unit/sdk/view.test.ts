import { inspect } from "node:util";
import { allow, binding, defineInterceptor, deny } from "@sallyport/interceptors-sdk";
import { review } from "@sallyport/interceptors-sdk/testing";
import { describe, expect, it } from "vitest";

/** What a validator that is shown the whole request saw of it. */
async function seen(show: (request: Shown) => unknown, input: Parameters<typeof review>[2] = {}): Promise<unknown> {
  let saw: unknown;
  const interceptor = defineInterceptor({
    name: "viewer",
    bindings: {
      look: binding({
        phase: "pre-route",
        mode: "validate",
        needs: ["/request"],
        review({ request }) {
          saw = show(request);
          return allow();
        },
      }),
    },
  });
  await review(interceptor, "look", input);
  return saw;
}

interface Shown {
  readonly method: string;
  readonly headers: { readonly [name: string]: string | undefined };
  readonly query: { readonly [name: string]: readonly string[] };
  readonly body: unknown;
}

describe("a view", () => {
  it("joins the lines of a header, cookies with a semicolon", async () => {
    const headers = { accept: ["text/html", "*/*"], cookie: ["a=1", "b=2"] };
    expect(await seen((request) => [request.headers["accept"], request.headers["cookie"]], { request: { headers } })).toEqual([
      "text/html, */*",
      "a=1; b=2",
    ]);
  });

  it("reads an absent header as undefined and an absent query name as no values", async () => {
    expect(await seen((request) => [request.headers["x"], request.query["x"], "x" in request.query])).toEqual([
      undefined,
      [],
      false,
    ]);
  });

  it("lists the names that are there", async () => {
    const input = { request: { headers: { "x-b": "2", "x-a": "1" }, query: { q: "1" } } };
    expect(
      await seen((request) => [Object.keys(request.headers), { ...request.headers }, Object.keys(request.query)], input),
    ).toEqual([["x-b", "x-a"], { "x-b": "2", "x-a": "1" }, ["q"]]);
  });

  it("shows a name every object has only if the client sent it", async () => {
    expect(await seen((request) => [request.headers["constructor"], request.headers["tostring"]])).toEqual([
      undefined,
      undefined,
    ]);
    expect(await seen((request) => request.query["__proto__"], { request: { query: JSON.parse('{"__proto__":"1"}') } })).toEqual([
      "1",
    ]);
  });

  it("can be printed while an interceptor is written, whole though nothing of it was read", async () => {
    const printed = await seen((request) => inspect(request, { depth: 5, breakLength: 1000 }), {
      request: { method: "GET", headers: { "x-a": "1" }, query: { q: "2" } },
    });
    expect(printed).toContain("method: 'GET'");
    expect(printed).toContain("'x-a': '1'");
    expect(printed).toMatch(/q: \[ '2' \]/);
  });

  it("cannot be changed, and gives the same level each time", async () => {
    expect(
      await seen(
        (request) => [
          request.headers === request.headers,
          Object.isFrozen(request),
          Reflect.ownKeys(request.headers),
          Object.getOwnPropertyDescriptor(request.headers, "x-a")?.value,
          typeof Object.getOwnPropertyDescriptor(request, "body")?.get,
        ],
        { request: { headers: { "x-a": "1" } } },
      ),
    ).toEqual([true, true, ["x-a"], "1", "function"]);
    for (const change of [
      (request: object) => Reflect.set(request, "method", "PUT"),
      (request: object) => Object.defineProperty(request, "x", { value: 1 }),
      (request: object) => Reflect.deleteProperty(request, "method"),
      (request: object) => Object.setPrototypeOf(request, {}),
    ]) {
      await expect(seen(change)).rejects.toThrow(/read-only|setPrototypeOf/);
    }
  });

  it("can be written as JSON", async () => {
    const text = await seen((request) => JSON.stringify(request), { request: { method: "POST", body: { a: [1] } } });
    expect(JSON.parse(String(text))).toMatchObject({ method: "POST", headers: {}, query: {}, body: { a: [1] } });
  });

  it("shows observers of an early end no principal, where a validator's review would fail", async () => {
    const observer = defineInterceptor({
      name: "observer",
      bindings: {
        note: binding({
          phase: "post-response",
          mode: "observe",
          needs: ["/outcome", "/response/status"],
          review: ({ outcome, response }) =>
            allow().annotate("saw", `${outcome.decided_by} ${outcome.bytes} ${response.status ?? "nothing"}`),
        }),
      },
    });
    const { verdict } = await review(observer, "note", {
      outcome: { decided_by: "quota/reserve", bytes: 12 },
      response: { status: 200 },
    });
    expect(verdict.annotations).toEqual([{ name: "saw", value: "quota/reserve 12 200" }]);
  });

  it("shows only the claims that were needed", async () => {
    const claims = defineInterceptor({
      name: "claims",
      bindings: {
        one: binding({
          phase: "pre-route",
          mode: "validate",
          needs: ["/principal/claims/department"],
          review: ({ principal }) => (principal.claims["department"] === "sales" ? allow() : deny(403, "no", "no")),
        }),
      },
    });
    const input = { principal: { id: "a", claims: { department: "sales", salary: 1 } } };
    expect((await review(claims, "one", input)).verdict.kind).toBe("allow");
    expect((await review(claims, "one")).verdict.kind).toBe("deny");
  });

  it("gives a review its time, attempt and identity", async () => {
    let given: unknown;
    const timed = defineInterceptor({
      name: "timed",
      bindings: {
        look: binding({
          phase: "pre-auth",
          mode: "validate",
          needs: [],
          review(_view, call) {
            given = { ...call, signal: call.signal.aborted, remainingMs: call.remainingMs() > 0 };
            return allow();
          },
        }),
      },
    });
    await review(timed, "look", { attempt: 2, reviewId: "review-1", config: { a: 1 } });
    expect(given).toEqual({
      signal: false,
      remainingMs: true,
      config: { a: 1 },
      reviewId: "review-1",
      attempt: 2,
      gatewayVersion: "testing",
    });
  });

  it("fails a review that takes longer than its time, and aborts its signal", async () => {
    let aborted = false;
    const slow = defineInterceptor({
      name: "slow",
      bindings: {
        wait: binding({
          phase: "pre-auth",
          mode: "validate",
          needs: [],
          review: (_view, { signal }) =>
            new Promise<never>((_resolve, reject) => {
              signal.addEventListener("abort", () => {
                aborted = true;
                reject(new Error("aborted"));
              });
            }),
        }),
      },
    });
    await expect(review(slow, "wait", { limits: { timeoutMs: 20 } })).rejects.toThrow(/timeout/);
    expect(aborted).toBe(true);
  });
});
