import { fromBinary, fromJson, toJson, type JsonValue } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readApi, type Api } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { askedCall, readCall } from "../../../../../src/adapters/upstream/grpc/transcode/read-call.ts";
import { QueryText } from "../../../../../src/model/query-text.ts";
import { SHOP_DESCRIPTORS } from "../../../../support/shop-api.ts";
import { requestTo } from "../../../../support/upstream.ts";

const API: Api = (() => {
  const api = readApi(Buffer.from(SHOP_DESCRIPTORS).toString("base64"), { services: ["shop.v1.Shop"], rules: [], sse: [] });
  if (!api.ok) throw new Error(api.error[0]?.message);
  return api.value;
})();

const ITEM = API.registry.getMessage("shop.v1.Item");

/** The item a request asks with, as its service reads it; undefined: the request is refused. */
function asked(method: string, target: string, body?: string): JsonValue | undefined {
  const request = requestTo(method, target, body === undefined ? undefined : Buffer.from(body));
  const call = askedCall(request, API, false);
  const read = call.ok ? readCall(request, call.value, API) : call;
  if (!read.ok || ITEM === undefined || !(read.value.request.body instanceof Uint8Array)) return undefined;
  return toJson(ITEM, fromBinary(ITEM, read.value.request.body.subarray(5)));
}

describe("the query of a call", () => {
  it("has the names and values that views, selectors and credentials read (C25)", () => {
    const parts = ["?", "&", "=", "+", "%", "%ff", "%00", "%74ags", "tags=", "&tags", "name", "a", "\u00e9", ";"];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), (written) => {
        const query = new QueryText(written.join(""));
        const isKnown = query.names().every((name) => name === "tags" || name === "name");
        const [name = "", ...others] = query.values("name");
        const item = { name, tags: [...query.values("tags")] };
        const expected = isKnown && others.length === 0 && ITEM !== undefined ? toJson(ITEM, fromJson(ITEM, item)) : undefined;
        expect(asked("GET", `/v1/items?${query.raw}`)).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("has a field by one of its names only", () => {
    expect(asked("GET", "/v1/items?is_new=true")).toEqual({ isNew: true });
    expect(asked("GET", "/v1/items?isNew=true")).toEqual({ isNew: true });
    expect(asked("GET", "/v1/items?is_new=true&isNew=true")).toBeUndefined();
    expect(asked("POST", "/v1/items", '{"is_new":true,"isNew":true}')).toBeUndefined();
  });
});
