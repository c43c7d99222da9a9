import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  Server,
  ServerCredentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
} from "@grpc/grpc-js";

/** What a caller asks of the service, in fields of the public interop messages. */
export interface Ask {
  /** Bytes the answer is to have, one answer for each; a unary call has one. */
  readonly sizes?: readonly number[];
  readonly payloadBytes?: number;
  readonly status?: { readonly code: number; readonly message: string };
}

const SIZE = { unary: 2, parameters: 2, payload: 3, status: 7 } as const;

/** `SimpleRequest` where the answer's size stands by itself, else `StreamingOutputCallRequest`. */
export function askBytes({ sizes = [], payloadBytes = 0, status }: Ask, isUnary: boolean): Buffer {
  const writer = new BinaryWriter();
  for (const size of sizes) {
    if (isUnary) writer.tag(SIZE.unary, WireType.Varint).int32(size);
    else writer.tag(SIZE.parameters, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(size).join();
  }
  if (payloadBytes > 0) writer.tag(SIZE.payload, WireType.LengthDelimited).bytes(payloadOf(payloadBytes));
  if (status !== undefined) {
    writer.tag(SIZE.status, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(status.code);
    writer.tag(2, WireType.LengthDelimited).string(status.message).join();
  }
  return Buffer.from(writer.finish());
}

/** A message whose one field is a payload of so many zeros. */
export const payloadMessage = (bytes: number): Buffer =>
  Buffer.from(new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(payloadOf(bytes)).finish());

const payloadOf = (bytes: number): Uint8Array =>
  new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(new Uint8Array(bytes)).finish();

/** Bytes of the payload in a message's field. */
export function payloadBytes(message: Uint8Array, field = 1): number {
  let count = 0;
  eachField(message, (number, reader) => {
    if (number !== field) return false;
    eachField(reader.bytes(), (inner, payload) => {
      if (inner !== 2) return false;
      count = payload.bytes().byteLength;
      return true;
    });
    return true;
  });
  return count;
}

/** `StreamingInputCallResponse`. */
const sumBytes = (sum: number): Buffer => Buffer.from(new BinaryWriter().tag(1, WireType.Varint).int32(sum).finish());

/** What such a message says. */
export function sumOf(message: Uint8Array): number {
  let sum = 0;
  eachField(message, (number, reader) => {
    if (number !== 1) return false;
    sum = reader.int32();
    return true;
  });
  return sum;
}

function readAsk(message: Uint8Array, isUnary: boolean): Required<Pick<Ask, "sizes">> & Ask {
  const sizes: number[] = [];
  let status = { code: 0, message: "" };
  eachField(message, (number, reader) => {
    if (number === SIZE.unary && isUnary) sizes.push(reader.int32());
    else if (number === SIZE.parameters) sizes.push(sumOf(reader.bytes()));
    else if (number === SIZE.status) status = readStatus(reader.bytes());
    else return false;
    return true;
  });
  return { sizes, ...(status.code === 0 ? {} : { status }) };
}

function readStatus(bytes: Uint8Array): { readonly code: number; readonly message: string } {
  const status = { code: 0, message: "" };
  eachField(bytes, (number, reader) => {
    if (number === 1) status.code = reader.int32();
    else if (number === 2) status.message = reader.string();
    else return false;
    return true;
  });
  return status;
}

function eachField(bytes: Uint8Array, read: (number: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!read(number, reader)) reader.skip(wireType);
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;
const CODING = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";

/** The service, made with grpc-js. */
export interface InteropService extends AsyncDisposable {
  readonly port: number;
  /** Calls whose caller gave up. */
  readonly cancelled: number;
}

interface Surface {
  readonly metadata: Metadata;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

/** The public test service of gRPC's interop cases, as far as they need it. */
export async function startInteropService(): Promise<InteropService> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  let cancelled = 0;
  const begin = (call: Surface): Metadata => {
    call.on("cancelled", () => (cancelled += 1));
    const [initial, trailing] = [call.metadata.clone(), call.metadata.clone()];
    for (const name of Object.keys(call.metadata.getMap())) {
      if (name !== INITIAL) initial.remove(name);
      if (name !== TRAILING) trailing.remove(name);
    }
    if (call.metadata.get(INITIAL).length > 0) call.sendMetadata(initial);
    return trailing;
  };
  const empty: handleUnaryCall<Buffer, Buffer> = (call, done) => done(null, Buffer.alloc(0), begin(call));
  const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    const trailing = begin(call);
    const { sizes, status } = readAsk(call.request, true);
    if (status === undefined) done(null, payloadMessage(sizes[0] ?? 0), trailing);
    else done({ code: status.code, details: status.message, metadata: trailing });
  };
  const output: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    const trailing = begin(call);
    for (const size of readAsk(call.request, false).sizes) call.write(payloadMessage(size));
    call.end(trailing);
  };
  const input: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
    const trailing = begin(call);
    let sum = 0;
    call.on("data", (message: Buffer) => (sum += payloadBytes(message)));
    call.on("end", () => done(null, sumBytes(sum), trailing));
  };
  const duplex: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    const trailing = begin(call);
    call.on("data", (message: Buffer) => {
      const { sizes, status } = readAsk(message, false);
      for (const size of sizes) call.write(payloadMessage(size));
      if (status !== undefined) call.emit("error", { code: status.code, details: status.message, metadata: trailing });
    });
    call.on("end", () => call.end(trailing));
  };
  const entry = (name: string, requestStream: boolean, responseStream: boolean) => ({
    ...{ path: `/grpc.testing.TestService/${name}`, requestStream, responseStream },
    ...CODING,
  });
  server.addService(
    {
      EmptyCall: entry("EmptyCall", false, false),
      UnaryCall: entry("UnaryCall", false, false),
      StreamingOutputCall: entry("StreamingOutputCall", false, true),
      StreamingInputCall: entry("StreamingInputCall", true, false),
      FullDuplexCall: entry("FullDuplexCall", true, true),
    },
    { EmptyCall: empty, UnaryCall: unary, StreamingOutputCall: output, StreamingInputCall: input, FullDuplexCall: duplex },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    get cancelled() {
      return cancelled;
    },
    [Symbol.asyncDispose]: async () => server.forceShutdown(),
  };
}
