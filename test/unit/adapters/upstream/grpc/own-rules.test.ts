import { describe, expect, it } from "vitest";
import { readApi } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { SHOP_DESCRIPTORS } from "../../../../support/shop-api.ts";

describe("a rule of the route's own", () => {
  const own = readApi(Buffer.from(SHOP_DESCRIPTORS).toString("base64"), {
    services: ["shop.v1.Shop"],
    rules: [
      {
        method: "shop.v1.Shop/Get",
        calls: [
          { httpMethod: "GET", path: "/v1/{name=goods/*}", body: "", responseBody: "name" },
          { httpMethod: "*", path: "/v1/look/{name}:now", body: "view", responseBody: "" },
        ],
      },
    ],
    sse: [],
  });

  it.each([
    ["GET", "/v1/goods/7", "shop.v1.Shop/Get", { name: "goods/7" }],
    ["PUT", "/v1/look/7:now", "shop.v1.Shop/Get", { name: "7" }],
    ["POST", "/v1/items", "shop.v1.Shop/Create", {}],
    ["GET", "/v1/items/7", undefined, {}],
    ["POST", "/shop.v1.Shop/Get", undefined, {}],
  ])("takes the place of its method's annotation: %s %s is %s", (method, path, name, values) => {
    const call = own.ok ? own.value.find(method, path) : undefined;
    expect(call && `${call.method.parent.typeName}/${call.method.name}`).toBe(name);
    expect(Object.fromEntries(call?.values ?? [])).toEqual(values);
  });
});
