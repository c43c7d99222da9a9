import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
  MethodOptionsSchema,
  type FileDescriptorProto,
} from "@bufbuild/protobuf/wkt";

/** One rule of `google.api.http`, with its further bindings. */
export interface Rule {
  readonly get?: string;
  readonly put?: string;
  readonly post?: string;
  readonly delete?: string;
  readonly patch?: string;
  readonly body?: string;
  readonly responseBody?: string;
  readonly more?: readonly Rule[];
}

function ruleBytes(rule: Rule): Uint8Array {
  const writer = new BinaryWriter();
  const text = (no: number, value: string | undefined): void => {
    if (value !== undefined) writer.tag(no, WireType.LengthDelimited).string(value);
  };
  text(2, rule.get);
  text(3, rule.put);
  text(4, rule.post);
  text(5, rule.delete);
  text(6, rule.patch);
  text(7, rule.body);
  text(12, rule.responseBody);
  for (const more of rule.more ?? []) writer.tag(11, WireType.LengthDelimited).bytes(ruleBytes(more));
  return writer.finish();
}

const annotated = (rule: Rule) =>
  Object.assign(create(MethodOptionsSchema), {
    $unknown: [{ no: 72_295_728, wireType: WireType.LengthDelimited, data: new BinaryWriter().bytes(ruleBytes(rule)).finish() }],
  });

const field = (name: string, number: number, type: Type, more: { typeName?: string; label?: Label } = {}) => ({
  name,
  number,
  type,
  label: Label.OPTIONAL,
  // one is left out, as few compilers do
  jsonName: name === "is_new" ? "" : name.replaceAll(/_(.)/g, (_match, next: string) => next.toUpperCase()),
  ...more,
});

const REPEATED = { label: Label.REPEATED };

const SHOP: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: "shop/v1/shop.proto",
  package: "shop.v1",
  syntax: "proto3",
  dependency: ["google/protobuf/timestamp.proto"],
  enumType: [
    {
      name: "Size",
      value: [
        { name: "SIZE_UNKNOWN", number: 0 },
        { name: "SIZE_LARGE", number: 2 },
      ],
    },
  ],
  messageType: [
    {
      name: "Item",
      field: [
        field("name", 1, Type.STRING),
        field("quantity", 2, Type.INT32),
        field("price_cents", 3, Type.INT64),
        field("tags", 4, Type.STRING, REPEATED),
        field("size", 5, Type.ENUM, { typeName: ".shop.v1.Size" }),
        field("made_at", 6, Type.MESSAGE, { typeName: ".google.protobuf.Timestamp" }),
        field("part", 7, Type.MESSAGE, { typeName: ".shop.v1.Item" }),
        field("is_new", 8, Type.BOOL),
        field("picture", 9, Type.BYTES),
      ],
    },
    { name: "GetItem", field: [field("name", 1, Type.STRING), field("view", 2, Type.STRING)] },
    {
      name: "UpdateItem",
      field: [field("item", 1, Type.MESSAGE, { typeName: ".shop.v1.Item" }), field("dry_run", 2, Type.BOOL)],
    },
    { name: "ItemList", field: [field("items", 1, Type.MESSAGE, { typeName: ".shop.v1.Item", ...REPEATED })] },
  ],
  service: [
    {
      name: "Shop",
      method: [
        {
          name: "Get",
          inputType: ".shop.v1.GetItem",
          outputType: ".shop.v1.Item",
          options: annotated({ get: "/v1/{name=items/*}", more: [{ get: "/v1/things/{name}:view" }] }),
        },
        {
          name: "Create",
          inputType: ".shop.v1.Item",
          outputType: ".shop.v1.Item",
          options: annotated({ post: "/v1/items", body: "*" }),
        },
        {
          name: "Update",
          inputType: ".shop.v1.UpdateItem",
          outputType: ".shop.v1.Item",
          options: annotated({ patch: "/v1/{item.name=items/*}", body: "item" }),
        },
        {
          name: "List",
          inputType: ".shop.v1.Item",
          outputType: ".shop.v1.ItemList",
          options: annotated({ get: "/v1/items", responseBody: "items" }),
        },
        {
          name: "Watch",
          inputType: ".shop.v1.GetItem",
          outputType: ".shop.v1.Item",
          serverStreaming: true,
          options: annotated({ get: "/v1/{name=items/*}:watch" }),
        },
        { name: "Plain", inputType: ".shop.v1.Item", outputType: ".shop.v1.Item" },
        { name: "Upload", inputType: ".shop.v1.Item", outputType: ".shop.v1.Item", clientStreaming: true },
      ],
    },
  ],
});

/** A small shop: `shop.v1.Shop`, as its descriptor set. */
export const SHOP_DESCRIPTORS: Uint8Array = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file: [file_google_protobuf_timestamp.proto, SHOP] }),
);
