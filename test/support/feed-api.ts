import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonObject,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

const field = (name: string, number: number, type: Type, more: { typeName?: string; oneofIndex?: number } = {}) => ({
  name,
  number,
  type,
  label: Label.OPTIONAL,
  jsonName: name.replaceAll(/_(.)/g, (_match, next: string) => next.toUpperCase()),
  ...more,
});

const message = (name: string, number: number, typeName: string, oneofIndex?: number) =>
  field(name, number, Type.MESSAGE, { typeName, ...(oneofIndex === undefined ? {} : { oneofIndex }) });

const stream = (name: string, inputType: string, outputType: string) => ({ name, inputType, outputType, serverStreaming: true });

const FEED = create(FileDescriptorProtoSchema, {
  name: "feed/v1/feed.proto",
  package: "feed.v1",
  syntax: "proto3",
  enumType: [
    {
      name: "Kind",
      value: [
        { name: "KIND_UNKNOWN", number: 0 },
        { name: "KIND_NOTE", number: 1 },
      ],
    },
  ],
  messageType: [
    { name: "Follow", field: [field("topic", 1, Type.STRING), field("after_sequence", 2, Type.UINT64)] },
    { name: "Snapshot", field: [field("notes", 1, Type.INT32)] },
    { name: "Note", field: [field("text", 1, Type.STRING)] },
    {
      name: "Update",
      field: [
        field("sequence", 1, Type.UINT64),
        message("snapshot", 2, ".feed.v1.Snapshot", 0),
        message("new_note", 3, ".feed.v1.Note", 0),
      ],
      oneofDecl: [{ name: "kind" }],
    },
    { name: "Tail", field: [field("cursor", 1, Type.STRING)] },
    { name: "Place", field: [field("cursor", 1, Type.STRING), field("kind", 2, Type.ENUM, { typeName: ".feed.v1.Kind" })] },
    {
      name: "Line",
      field: [message("place", 1, ".feed.v1.Place"), field("title", 2, Type.STRING), field("text", 3, Type.STRING)],
    },
  ],
  service: [
    {
      name: "Feed",
      method: [
        stream("Follow", ".feed.v1.Follow", ".feed.v1.Update"),
        stream("Tail", ".feed.v1.Tail", ".feed.v1.Line"),
        { name: "Count", inputType: ".feed.v1.Follow", outputType: ".feed.v1.Snapshot" },
      ],
    },
  ],
});

/** Updates with ids in order and a history: `feed.v1.Feed`, as its descriptor set. */
export const FEED_DESCRIPTORS: Uint8Array = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [FEED] }));

const REGISTRY = createFileRegistry(fromBinary(FileDescriptorSetSchema, FEED_DESCRIPTORS));

/** A message type of it. */
export function feedType(name: string): DescMessage {
  const type = REGISTRY.getMessage(`feed.v1.${name}`);
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
}

/** A message of it from JSON, as it goes over the wire. */
export const feedBytes = (name: string, json: JsonObject): Uint8Array => toBinary(feedType(name), fromJson(feedType(name), json));

/** The same the other way. */
export const feedJson = (name: string, bytes: Uint8Array): JsonObject =>
  toJson(feedType(name), fromBinary(feedType(name), bytes)) as JsonObject; // messages are objects
