import {
  create,
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescMethod,
  type DescService,
  type Message,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
} from "@grpc/grpc-js";

/** What is said, both ways. */
export type Say = Message & { text: string; count: number };

const field = (name: string, number: number, type: Type) => ({ name, number, type, label: Label.OPTIONAL, jsonName: name });

const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
  ...{ name, clientStreaming, serverStreaming, inputType: ".talk.v1.Say", outputType: ".talk.v1.Say" },
});

const FILE = create(FileDescriptorProtoSchema, {
  name: "talk/v1/talk.proto",
  package: "talk.v1",
  syntax: "proto3",
  messageType: [{ name: "Say", field: [field("text", 1, Type.STRING), field("count", 2, Type.INT32)] }],
  service: [
    {
      name: "Talk",
      method: [
        method("Say", false, false),
        method("Watch", false, true),
        method("Gather", true, false),
        method("Chat", true, true),
        { ...method("Look", false, false), options: { idempotencyLevel: 1 } },
      ],
    },
  ],
});

/** The service as a descriptor set, for a route that knows its schema. */
export const TALK_DESCRIPTORS: Uint8Array = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [FILE] }));

const service: DescService | undefined = createFileRegistry(FILE, () => undefined).getService("talk.v1.Talk");
if (service === undefined) throw new Error("the service is not in its file");
const { methods } = service;

/** A method of the service, by its name. */
export function talkMethod(name: string): DescMethod {
  const found = methods.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no method ${name}`);
  return found;
}

const { input } = talkMethod("Say");

/** A message of the service. */
export const say = (text: string, count = 0): Say => create(input, { text, count }) as Say; // the schema says so

const CODING = {
  requestSerialize: (message: Say) => Buffer.from(toBinary(input, message)),
  requestDeserialize: (bytes: Buffer) => fromBinary(input, bytes) as Say, // the schema says so
  responseSerialize: (message: Say) => Buffer.from(toBinary(input, message)),
  responseDeserialize: (bytes: Buffer) => fromBinary(input, bytes) as Say, // the schema says so
};

/** A `google.rpc.Status` with one detail: a `talk.v1.Say` whose text is "why". */
const STATUS_WITH_DETAIL = Buffer.concat([
  Buffer.from([0x08, 9, 0x12, 6]),
  Buffer.from("no ☺"),
  ((any: Buffer) => Buffer.concat([Buffer.from([0x1a, any.length]), any]))(
    Buffer.concat([
      Buffer.from([0x0a, 31]),
      Buffer.from("type.googleapis.com/talk.v1.Say"),
      Buffer.from([0x12, 5, 0x0a, 3]),
      Buffer.from("why"),
    ]),
  ),
]);

/** The service, made with grpc-js. */
export interface TalkService extends AsyncDisposable {
  readonly port: number;
  /** Deadlines of the calls, milliseconds from their arrival. */
  readonly deadlines: readonly number[];
  readonly codings: readonly string[];
  /** Calls whose caller gave up. */
  readonly cancelled: number;
}

interface Surface {
  readonly metadata: Metadata;
  getDeadline(): number | Date;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

/** `Say` and `Look` echo, `Watch` counts, `Gather` joins, `Chat` answers each; "fail" fails, "hold" waits for ever. */
export async function startTalk(): Promise<TalkService> {
  const server = new Server({ "grpc.default_compression_algorithm": 2 });
  const deadlines: number[] = [];
  const codings: string[] = [];
  let cancelled = 0;
  const begin = (call: Surface): Metadata => {
    deadlines.push(Number(call.getDeadline()) - Date.now());
    codings.push(call.metadata.get("x-coding").join());
    call.on("cancelled", () => (cancelled += 1));
    const initial = new Metadata();
    for (const value of call.metadata.get("x-initial")) initial.add("x-initial", value);
    call.sendMetadata(initial);
    const trailing = new Metadata();
    for (const value of call.metadata.get("x-trailing-bin")) trailing.add("x-trailing-bin", value);
    return trailing;
  };
  const failure = (trailing: Metadata) => {
    trailing.set("grpc-status-details-bin", STATUS_WITH_DETAIL);
    return { code: status.FAILED_PRECONDITION, details: "no ☺", metadata: trailing };
  };
  const unary: handleUnaryCall<Say, Say> = (call, done) => {
    const trailing = begin(call);
    if (call.request.text === "fail") done(failure(trailing));
    else if (call.request.text !== "hold") done(null, call.request, trailing);
  };
  const watch: handleServerStreamingCall<Say, Say> = (call) => {
    const trailing = begin(call);
    const { text, count } = call.request;
    for (let i = 1; i <= count; i += 1) call.write(say(text, i));
    if (text === "fail") call.emit("error", failure(trailing));
    else if (text !== "hold") call.end(trailing);
  };
  const gather: handleClientStreamingCall<Say, Say> = (call, done) => {
    const trailing = begin(call);
    const parts: string[] = [];
    call.on("data", (message: Say) => parts.push(message.text));
    call.on("end", () => done(null, say(parts.join("+"), parts.length), trailing));
  };
  const chat: handleBidiStreamingCall<Say, Say> = (call) => {
    const trailing = begin(call);
    call.on("data", (message: Say) => call.write(message));
    call.on("end", () => call.end(trailing));
  };
  const entry = (name: string, requestStream: boolean, responseStream: boolean) => ({
    ...{ path: `/talk.v1.Talk/${name}`, requestStream, responseStream },
    ...CODING,
  });
  server.addService(
    {
      Say: entry("Say", false, false),
      Look: entry("Look", false, false),
      Watch: entry("Watch", false, true),
      Gather: entry("Gather", true, false),
      Chat: entry("Chat", true, true),
    },
    { Say: unary, Look: unary, Watch: watch, Gather: gather, Chat: chat },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    deadlines,
    codings,
    get cancelled() {
      return cancelled;
    },
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}
