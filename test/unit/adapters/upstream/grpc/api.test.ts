import { describe, expect, it } from "vitest";
import { readApi } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { SHOP_DESCRIPTORS } from "../../../../support/shop-api.ts";

const read = (bytes: Uint8Array, ...services: readonly string[]): ReturnType<typeof readApi> =>
  readApi(Buffer.from(bytes).toString("base64"), { services, rules: [], sse: [] });

describe("a descriptor set", () => {
  it.each([
    ["no descriptor set", Uint8Array.of(0xff), "shop.v1.Shop", "no descriptor set"],
    ["a service it does not have", SHOP_DESCRIPTORS, "shop.v1.Other", "no service shop.v1.Other"],
  ])("is refused for %s", (_name, bytes, service, error) => {
    expect(read(bytes, service)).toMatchObject({ ok: false, error: [{ message: expect.stringContaining(error) }] });
  });

  it("may be cut anywhere: it is refused, or whole for what it has", () => {
    for (let bytes = 0; bytes < SHOP_DESCRIPTORS.length; bytes += 7)
      expect(read(SHOP_DESCRIPTORS.subarray(0, bytes), "shop.v1.Shop").ok).toBe(false);
  });
});
