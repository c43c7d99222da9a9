import { stringifyJson } from "@sallyport/contract/json.ts";
import { compilePointers, type PointerSet } from "@sallyport/contract/view-field.ts";
import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import type { ReviewSubject } from "../../../src/ports/review-client.ts";
import { viewOf } from "../../../src/review/view.ts";
import { cutJson } from "../../../src/support/cut-json.ts";
import { exchangeOf } from "../../support/exchange.ts";

const HIDDEN = { headers: new Set(["authorization"]), query: new Set(["token"]) };

function pointers(...list: readonly string[]): PointerSet {
  const compiled = compilePointers(list);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value;
}

const SUBJECT: ReviewSubject = {
  exchange: exchangeOf({
    head: { query: "a=1&a=2&token=s3cret", headers: HeaderLines.of(["X-A", "1"], ["x-a", "2"], ["authorization", "s3cret"]) },
    response: { status: 201, headers: HeaderLines.of(["set-cookie", "s3cret"], ["x-b", "3"]) },
    labels: new Map([["tier", "gold"]]),
    principal: {
      id: "ann",
      anonymous: false,
      type: "api-key",
      tenants: ["blue"],
      scopes: [],
      roles: [],
      claimsJson: '{"n":1.0}',
    },
  }),
  route: { name: "orders", labels: { team: "shop" } },
  requestBody: { format: "bytes", bytes: Uint8Array.from([1, 2]) },
  responseBody: { format: "text", text: "hello" },
  outcome: undefined,
};

describe("viewOf", () => {
  it("is the whole exchange that is not secret, as one document", () => {
    expect(stringifyJson(viewOf(SUBJECT, { phase: "post-response", hidden: HIDDEN, expose: pointers() }))).toBe(
      '{"request":{"id":"req-1","protocol":"http","method":"GET","scheme":"http","host":"example.org","path":"/",' +
        '"query":{"a":["1","2"]},"headers":{"x-a":"1, 2"},"body":"AQI="},' +
        '"principal":{"id":"ann","anonymous":false,"type":"api-key","tenants":["blue"],"scopes":[],"roles":[],"claims":{"n":1.0}},"tenant":{"id":""},' +
        '"route":{"name":"orders","labels":{"team":"shop"}},"client":{"address":"192.0.2.1","tls_subject":""},"labels":{"tier":"gold"},' +
        '"response":{"status":201,"headers":{"x-b":"3"},"body":"hello"}}',
    );
  });

  it("shows what is exposed, and nothing else of what is hidden (C23)", () => {
    const text = stringifyJson(
      viewOf(SUBJECT, { phase: "post-response", hidden: HIDDEN, expose: pointers("/request/headers/authorization") }),
    );
    expect(text.split("s3cret")).toHaveLength(2);
  });

  it("has no principal at pre-auth and no response before post-response", () => {
    const names = (phase: "pre-auth" | "pre-route") => {
      const view = viewOf(SUBJECT, { phase, hidden: HIDDEN, expose: pointers() });
      return view instanceof Map ? [...view.keys()] : [];
    };
    expect(names("pre-auth")).toEqual(["request", "route", "client", "labels"]);
    expect(names("pre-route")).toEqual(["request", "principal", "tenant", "route", "client", "labels"]);
  });
});

describe("cutJson", () => {
  const view = viewOf(SUBJECT, { phase: "pre-route", hidden: HIDDEN, expose: pointers() });

  it("keeps what the pointers name, whole, and the way to it", () => {
    const cut = cutJson(view, pointers("/request/headers/x-a", "/principal/claims/n", "/labels"));
    expect(cut && stringifyJson(cut)).toBe(
      '{"request":{"headers":{"x-a":"1, 2"}},"principal":{"claims":{"n":1.0}},"labels":{"tier":"gold"}}',
    );
  });

  it("leaves nothing where they name nothing that is there", () => {
    expect(cutJson(view, pointers("/request/headers/x-missing", "/labels/none"))).toBeUndefined();
    expect(cutJson(view, pointers())).toBeUndefined();
  });
});
