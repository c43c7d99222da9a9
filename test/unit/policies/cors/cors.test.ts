import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../../src/model/header-lines.ts";
import type { RequestHead, Response } from "../../../../src/model/exchange.ts";
import type { CorsPlan } from "../../../../src/model/route-plan.ts";
import { cors } from "../../../../src/policies/cors/cors.ts";

const PAGE = "https://app.example";

const PLAN: CorsPlan = {
  origins: [PAGE],
  methods: ["GET", "PUT", "HEAD"],
  headers: ["content-type", "x-trace"],
  expose: ["x-total"],
  maxAgeMs: 90_500,
  credentials: false,
  privateNetwork: false,
};

const headOf = (method: string, headers: Readonly<Record<string, string>>, parts: Partial<RequestHead> = {}): RequestHead => ({
  method,
  scheme: "https",
  host: "api.example",
  path: "/",
  query: undefined,
  headers: HeaderLines.of(...Object.entries(headers)),
  ...parts,
});

const asked = (headers: Readonly<Record<string, string>> = {}): RequestHead =>
  headOf("OPTIONS", { origin: PAGE, "access-control-request-method": "PUT", ...headers });

const response = (...lines: readonly (readonly [string, string])[]): Response => ({
  status: 200,
  headers: HeaderLines.of(...lines),
  body: undefined,
});

/** The headers of a dressed answer, by name. */
function dressed(plan: Partial<CorsPlan>, head: RequestHead, given: Response = response()): Readonly<Record<string, string>> {
  const { headers } = cors({ ...PLAN, ...plan }).dress(given, head);
  return Object.fromEntries([...headers.names()].map((name) => [name, headers.lines(name).join("; ")]));
}

describe("a preflight", () => {
  const ASKED = "access-control-request-method, access-control-request-headers, access-control-request-private-network";

  it("of a listed origin is answered without a body, with what the policy allows", () => {
    expect(cors(PLAN).answer(asked(), "http")).toMatchObject({ kind: "respond", response: { status: 204, body: undefined } });
    expect(dressed({}, asked({ "access-control-request-headers": "X-Other" }))).toEqual({
      "access-control-allow-origin": PAGE,
      "access-control-allow-methods": "GET, PUT, HEAD",
      "access-control-allow-headers": "content-type, x-trace",
      "access-control-max-age": "90",
      vary: `origin, ${ASKED}`,
    });
  });

  it("of another origin is forbidden, and told nothing", () => {
    const other = asked({ origin: "https://evil.test" });
    expect(cors(PLAN).answer(other, "http")).toMatchObject({ kind: "refuse", refusal: { problem: "forbidden" } });
    expect(dressed({ credentials: true }, other)).toEqual({ vary: `origin, ${ASKED}` });
  });

  it("of two origins at once is one of none", () => {
    const headers = HeaderLines.of(["origin", PAGE], ["origin", PAGE], ["access-control-request-method", "PUT"]);
    expect(cors(PLAN).answer({ ...asked(), headers }, "http")).toMatchObject({ kind: "refuse" });
  });

  it("is granted the method and the headers it asks for where the policy names none, as far as they are names", () => {
    const open = { methods: undefined, headers: undefined };
    const head = asked({ "access-control-request-headers": "Authorization,x-a , b\u00e4d, ,x y" });
    expect(dressed(open, head)).toMatchObject({
      "access-control-allow-methods": "PUT",
      "access-control-allow-headers": "authorization, x-a",
    });
    expect(dressed(open, asked({ "access-control-request-method": "patch" }))).not.toHaveProperty("access-control-allow-methods");
    expect(dressed(open, asked())).not.toHaveProperty("access-control-allow-headers");
  });

  it("is granted no header where the list is empty", () => {
    const head = asked({ "access-control-request-headers": "x-a" });
    expect(dressed({ headers: [] }, head)).not.toHaveProperty("access-control-allow-headers");
  });

  it("into a private network is granted where the policy says so and only then", () => {
    const head = asked({ "access-control-request-private-network": "true" });
    expect(dressed({ privateNetwork: true }, head)).toMatchObject({ "access-control-allow-private-network": "true" });
    expect(dressed({ privateNetwork: true }, asked())).not.toHaveProperty("access-control-allow-private-network");
    expect(dressed({}, head)).not.toHaveProperty("access-control-allow-private-network");
  });

  it.each([
    ["OPTIONS without an origin", headOf("OPTIONS", { "access-control-request-method": "PUT" })],
    ["OPTIONS that asks for nothing", headOf("OPTIONS", { origin: PAGE })],
    ["another method", headOf("PUT", { origin: PAGE, "access-control-request-method": "PUT" })],
    ["no page at all", headOf("GET", {})],
  ])("is not %s: it goes its way", (_what, head) => {
    expect(cors(PLAN).answer(head, "http")).toBeUndefined();
  });
});

describe("an answer", () => {
  const page = headOf("GET", { origin: PAGE });

  it("to a listed origin may be read there, with the headers the policy names", () => {
    expect(dressed({ credentials: true }, page)).toEqual({
      "access-control-allow-origin": PAGE,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "x-total",
      vary: "origin",
    });
  });

  it("to another origin, and to nobody's page, says no more than that it varies", () => {
    expect(dressed({}, headOf("GET", { origin: "https://evil.test" }))).toEqual({ vary: "origin" });
    expect(dressed({}, headOf("GET", {}))).toEqual({ vary: "origin" });
  });

  it("is the same for all where any page may: caches may keep it", () => {
    const any = { "access-control-allow-origin": "*", "access-control-expose-headers": "x-total" };
    expect(dressed({ origins: ["*"] }, page)).toEqual(any);
    expect(dressed({ origins: ["*"] }, headOf("GET", {}))).toEqual(any);
    expect(dressed({ origins: ["*"], expose: ["*"] }, page)).toMatchObject({ "access-control-expose-headers": "*" });
  });

  it("says nothing of what the upstream says: one place decides", () => {
    const upstream = response(
      ["Access-Control-Allow-Origin", "*"],
      ["access-control-allow-credentials", "true"],
      ["access-control-expose-headers", "x-inner"],
      ["x-total", "3"],
    );
    expect(dressed({ expose: [] }, page, upstream)).toEqual({
      "access-control-allow-origin": PAGE,
      "x-total": "3",
      vary: "origin",
    });
    expect(dressed({}, headOf("GET", { origin: "https://evil.test" }), upstream)).toEqual({ "x-total": "3", vary: "origin" });
  });

  it.each([
    ["accept-encoding", "accept-encoding; origin"],
    ["Accept-Encoding, Origin", "Accept-Encoding, Origin"],
    ["*", "*"],
  ])("that varies by %s already varies by the origin too, said once", (said, vary) => {
    expect(dressed({}, page, response(["vary", said]))).toMatchObject({ vary });
  });

  it("keeps status, body and what a changed connection needs", () => {
    const tunnel = { established: () => {}, discard: () => {} } as unknown as NonNullable<Response["tunnel"]>;
    const given = { ...response(), status: 101, tunnel };
    expect(cors(PLAN).dress(given, page)).toMatchObject({ status: 101, tunnel });
  });

  it("of a gRPC call that ended in its head lets the client read how", () => {
    const ended = response(["grpc-status", "7"], ["grpc-message", "no"]);
    expect(dressed({}, page, ended)).toMatchObject({
      "access-control-expose-headers": "x-total, grpc-status, grpc-message, grpc-status-details-bin",
    });
    expect(dressed({ expose: [] }, page, ended)["access-control-expose-headers"]).toMatch(/^grpc-status, /);
    expect(dressed({ expose: ["*"] }, page, ended)["access-control-expose-headers"]).toBe("*");
  });
});

describe("a WebSocket handshake, which browsers let every page make", () => {
  const from = (origin: string, parts: Partial<RequestHead> = {}): RequestHead => headOf("GET", { origin }, parts);

  it.each([
    ["a listed page", from(PAGE), true],
    ["a page of the name it asks", from("https://api.example"), true],
    ["a page of that name in the clear, asking in the clear", from("http://api.example", { scheme: "http" }), true],
    ["a page of that name over TLS, asking behind whoever ends it", from("https://api.example", { scheme: "http" }), true],
    ["no browser", headOf("GET", {}), true],
    ["a page of that name in the clear, asking over TLS", from("http://api.example"), false],
    ["another page", from("https://evil.test"), false],
    ["a page that does not say which", from("null"), false],
  ])("of %s: %s", (_whose, head, isOpened) => {
    const answer = cors(PLAN).answer(head, "websocket");
    if (isOpened) expect(answer).toBeUndefined();
    else expect(answer).toMatchObject({ kind: "refuse", refusal: { problem: "forbidden" } });
  });

  it("of any page is opened where any page may", () => {
    expect(cors({ ...PLAN, origins: ["*"] }).answer(from("https://evil.test"), "websocket")).toBeUndefined();
  });
});
