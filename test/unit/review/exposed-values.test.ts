import type { PatchOperation } from "@sallyport/contract/json-patch.ts";
import type { AllowVerdict, DenyVerdict, RespondVerdict } from "@sallyport/contract/verdict.ts";
import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { exposedValues, repeatsExposed, withoutExposed } from "../../../src/review/exposed-values.ts";
import { exchangeOf } from "../../support/exchange.ts";
import { bytes } from "../../support/patching.ts";

const exchange = exchangeOf({
  head: {
    query: "token=q%2Fsecret&token=zweites&other=other-value&a%2Fb=slashed",
    headers: HeaderLines.of(
      ["Authorization", "Bearer h3ader.token"],
      ["Cookie", "sid=abcdef; theme=dark"],
      ["cookie", "second=line"],
      ["X-Short", "abc"],
      ["x-tilde~name", "tilde-value"],
    ),
  },
  response: { headers: HeaderLines.of(["set-cookie", "sid=next; Path=/; Secure"]) },
});

const values = (...pointers: readonly string[]) => exposedValues(pointers, exchange);

describe("exposedValues (C23)", () => {
  it("gives a header as shown, each of its lines, and the parts that get repeated", () => {
    expect(values("/request/headers/authorization")).toEqual(["Bearer h3ader.token", "h3ader.token"]);
    expect(values("/request/headers/cookie")).toEqual([
      "sid=abcdef; theme=dark; second=line",
      "sid=abcdef; theme=dark",
      "second=line",
      "sid=abcdef",
      "theme=dark",
    ]);
    expect(values("/response/headers/set-cookie")).toEqual(["sid=next; Path=/; Secure", "sid=next"]);
  });

  it("gives every value of a query name, decoded, also of a name that a pointer escapes", () => {
    expect(values("/request/query/token")).toEqual(["q/secret", "zweites"]);
    expect(values("/request/query/a~1b", "/request/headers/x-tilde~0name")).toEqual(["slashed", "tilde-value"]);
  });

  it("leaves out what is absent, and what is too short to be a secret", () => {
    expect(values("/request/headers/x-none", "/request/query/none", "/request/headers/x-short")).toEqual([]);
    expect(values("/request/headers", "/principal/id", "nonsense", "")).toEqual([]);
    expect(exposedValues(["/response/headers/set-cookie"], exchangeOf())).toEqual([]);
  });
});

const secret = 's3c"ret\\key';

const allow = (parts: Partial<AllowVerdict>): AllowVerdict => ({
  kind: "allow",
  patches: [],
  annotations: [],
  warnings: [],
  ...parts,
});
const respond = (parts: Partial<RespondVerdict>): RespondVerdict => ({
  kind: "respond",
  status: 200,
  headers: [],
  body: bytes(""),
  annotations: [],
  warnings: [],
  ...parts,
});
const patches = (...operations: readonly PatchOperation[]) => allow({ patches: operations });

describe("repeatsExposed (C23)", () => {
  it.each<readonly [string, AllowVerdict | RespondVerdict]>([
    ["a warning", allow({ warnings: [`saw ${secret}`] })],
    ["the value of an annotation", allow({ annotations: [{ name: "key", value: secret }] })],
    ["the name of an annotation", allow({ annotations: [{ name: secret, value: "" }] })],
    ["a header it writes", patches({ op: "add", path: "/request/headers/x-a", value: `key ${secret}` })],
    ["one of several lines", patches({ op: "add", path: "/request/headers/x-a", value: ["a", secret] })],
    [
      "a value deep in a body, which JSON would escape",
      patches({ op: "replace", path: "/request/body", value: new Map([["a", [new Map([["b", secret]])]]]) }),
    ],
    ["the name of a member", patches({ op: "add", path: "/request/body", value: new Map([[secret, 1]]) })],
    ["a test", patches({ op: "test", path: "/request/headers/x-a", value: secret })],
    ["a pointer, which escapes it", patches({ op: "add", path: `/request/body/${secret}`, value: 1 })],
    ["the header of a respond", respond({ headers: [{ name: "x-a", value: secret }] })],
    ["the body of a respond", respond({ body: bytes(`{"key": ${secret}}`) })],
  ])("finds it in %s", (_where, verdict) => {
    expect(repeatsExposed(verdict, [secret])).toBe(true);
    expect(repeatsExposed(verdict, ["something else"])).toBe(false);
    expect(repeatsExposed(verdict, [])).toBe(false);
  });

  it("finds a value with a slash or a tilde in an escaped pointer, and a number in a body", () => {
    expect(repeatsExposed(patches({ op: "remove", path: "/request/body/a~1b~0c" }), ["a/b~c"])).toBe(true);
    expect(repeatsExposed(patches({ op: "copy", from: "/request/body/12345", path: "/request/body/x" }), ["12345"])).toBe(true);
    expect(repeatsExposed(patches({ op: "add", path: "/request/body/pin", value: 12345678 }), ["12345678"])).toBe(true);
  });

  it("finds bytes a body repeats as they were sent, and as UTF-8", () => {
    const latin = "caf\u00e9-key";
    expect(repeatsExposed(respond({ body: new Uint8Array([...bytes("caf"), 0xe9, ...bytes("-key")]) }), [latin])).toBe(true);
    expect(repeatsExposed(respond({ body: bytes(latin) }), [latin])).toBe(true);
  });
});

describe("withoutExposed (C23)", () => {
  const verdict: DenyVerdict = {
    kind: "deny",
    status: 403,
    code: "fine",
    message: "No.",
    headers: [{ name: "retry-after", value: "1" }],
    body: new Map([["a", 1]]),
    annotations: [{ name: "a", value: "b" }],
    warnings: ["w"],
    defects: [],
  };

  it("keeps a denial that repeats nothing as it is", () => {
    expect(withoutExposed(verdict, [secret])).toEqual({ verdict, dropped: 0 });
  });

  it("drops every part that repeats a value, counts them, and the denial stands", () => {
    const leaky: DenyVerdict = {
      ...verdict,
      code: "secret_code",
      message: `bad key ${secret}`,
      headers: [...verdict.headers, { name: "x-a", value: secret }, { name: "x-secret_code", value: "1" }],
      body: new Map([["seen", [secret]]]),
      annotations: [...verdict.annotations, { name: "key", value: secret }],
      warnings: [`warn ${secret}`, ...verdict.warnings],
    };
    const kept = withoutExposed(leaky, [secret, "secret_code"]);
    const { body: _dropped, ...rest } = verdict;
    expect(kept).toEqual({
      verdict: { ...rest, code: "review_denied", message: "The request was denied by a review." },
      dropped: 7,
    });
    expect(JSON.stringify(kept)).not.toContain("s3c");
  });
});
