import { create, fromJson, toBinary, type Registry } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { anyPack, AnySchema, DurationSchema, type Any } from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readApi } from "../../../../../src/adapters/upstream/grpc/transcode/api.ts";
import { statusJson, statusOf } from "../../../../../src/adapters/upstream/grpc/transcode/status-answer.ts";
import { SHOP_DESCRIPTORS } from "../../../../support/shop-api.ts";

const REGISTRY: Registry = (() => {
  const api = readApi(Buffer.from(SHOP_DESCRIPTORS).toString("base64"), { services: ["shop.v1.Shop"], rules: [], sse: [] });
  if (!api.ok) throw new Error(api.error[0]?.message);
  return api.value.registry;
})();

const ITEM = REGISTRY.getMessage("shop.v1.Item")!;

const item = anyPack(ITEM, fromJson(ITEM, { name: "n", priceCents: "5" }));

/** `google.rpc.Status`, as it stands in its field. */
function field(code: number, details: readonly Any[]): string {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(code).tag(2, WireType.LengthDelimited).string("other words");
  for (const detail of details) writer.tag(3, WireType.LengthDelimited).bytes(toBinary(AnySchema, detail));
  return Buffer.from(writer.finish()).toString("base64");
}

const told = (code: number, details: string | undefined): unknown => {
  const fields: Record<string, string | undefined> = {
    "grpc-status": String(code),
    "grpc-message": "no",
    "grpc-status-details-bin": details,
  };
  const status = statusOf((name) => fields[name]);
  return status && JSON.parse(statusJson(status, REGISTRY));
};

describe("details of a call's end", () => {
  it.each([
    ["with padding", (text: string) => text],
    ["without padding", (text: string) => text.replace(/=+$/, "")],
  ])("are JSON where their type is known, %s", (_name, form) => {
    expect(told(5, form(field(5, [item])))).toEqual({
      code: 5,
      message: "no",
      details: [{ "@type": "type.googleapis.com/shop.v1.Item", name: "n", priceCents: "5" }],
    });
  });

  it("are bytes where it is not, or where they are none of it, and are always told with their type", () => {
    const unknown = create(AnySchema, { typeUrl: "type.googleapis.com/shop.v1.Secret", value: Uint8Array.of(1, 2) });
    const broken = create(AnySchema, { typeUrl: "type.googleapis.com/shop.v1.Item", value: Uint8Array.of(0x0a, 0xff) });
    const known = anyPack(DurationSchema, create(DurationSchema, { seconds: 3n }));
    expect(told(8, field(8, [unknown, broken, known, item]))).toMatchObject({
      details: [
        { "@type": "type.googleapis.com/shop.v1.Secret", value: "AQI=" },
        { "@type": "type.googleapis.com/shop.v1.Item", value: "Cv8=" },
        { "@type": "type.googleapis.com/google.protobuf.Duration" },
        { name: "n" },
      ],
    });
  });

  it.each([
    ["there are none", field(5, [])],
    ["there is no field", undefined],
    ["they speak of another code", field(6, [item])],
    ["they are no base64", "%%%"],
    ["they are no message", "////"],
    ["they are too large", Buffer.alloc(40_000).toString("base64")],
  ])("are left out where %s", (_name, text) => {
    expect(told(5, text)).toEqual({ code: 5, message: "no" });
  });

  it("are as many as a client may be expected to read", () => {
    expect(
      told(
        5,
        field(
          5,
          Array.from({ length: 40 }, () => item),
        ),
      ),
    ).toMatchObject({ details: { length: 32 } });
  });

  it("never throw, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 16 }), (bytes, code) => {
        expect(told(code, Buffer.from(bytes).toString("base64"))).toMatchObject({ code });
      }),
    );
  });
});
