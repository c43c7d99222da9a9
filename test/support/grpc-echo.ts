import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServerUnaryCall,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";

const asIs = (bytes: Buffer): Buffer => bytes;
const CODING = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
const UNLIMITED = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** What all four kinds of calls have. */
interface Surface {
  readonly metadata: Metadata;
  getDeadline(): ReturnType<ServerUnaryCall<Buffer, Buffer>["getDeadline"]>;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

/** What a call brought to the service. */
export interface SeenCall {
  readonly method: string;
  readonly metadata: Readonly<Record<string, readonly string[]>>;
  readonly deadlineMs: number;
  cancelled: boolean;
}

/** A service with all four kinds of calls, `/t.Echo/*`, made with grpc-js. */
export interface EchoService extends AsyncDisposable {
  readonly port: number;
  readonly calls: readonly SeenCall[];
  /** Ends what `Hold` holds. */
  release(): void;
}

/** Starts one. `Unary`, `Client`, `Server` and `Bidi` echo; `Fail` ends with the status its message names; `Hold` waits. */
export async function startGrpcEcho(): Promise<EchoService> {
  const server = new Server(UNLIMITED);
  const calls: SeenCall[] = [];
  const held = new Set<() => void>();
  const seen = (method: string, call: Surface): void => {
    const entry: SeenCall = {
      method,
      metadata: Object.fromEntries(
        Object.keys(call.metadata.getMap()).map((name) => [name, call.metadata.get(name).map((value) => value.toString())]),
      ),
      deadlineMs: Number(call.getDeadline()) - Date.now(),
      cancelled: false,
    };
    calls.push(entry);
    call.on("cancelled", () => (entry.cancelled = true));
    const echoed = new Metadata();
    for (const value of call.metadata.get("x-echo-initial")) echoed.add("x-echo-initial", value);
    call.sendMetadata(echoed);
  };
  const trailing = (metadata: Metadata): Metadata => {
    const trailers = new Metadata();
    for (const value of metadata.get("x-echo-trailing-bin")) trailers.add("x-echo-trailing-bin", value);
    return trailers;
  };
  const unary: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    seen("Unary", call);
    done(null, call.request, trailing(call.metadata));
  };
  const fail: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    const { code, details } = JSON.parse(call.request.toString()) as { code: number; details: string }; // our own tests send it
    done({ code, details, metadata: trailing(call.metadata) });
  };
  const hold: handleUnaryCall<Buffer, Buffer> = (call, done) => {
    seen("Hold", call);
    held.add(() => done(null, call.request));
  };
  const collect: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
    seen("Client", call);
    const parts: Buffer[] = [];
    call.on("data", (part: Buffer) => parts.push(part));
    call.on("end", () => done(null, Buffer.concat(parts), trailing(call.metadata)));
  };
  const many: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    seen("Server", call);
    const count = Number(call.request.toString());
    for (let i = 0; i < count; i += 1) call.write(Buffer.from(String(i)));
    call.end(trailing(call.metadata));
  };
  const bidi: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    seen("Bidi", call);
    call.on("data", (part: Buffer) => {
      if (part.toString() === "fail") call.emit("error", { code: status.ABORTED, details: "as asked" });
      else call.write(part);
    });
    call.on("end", () => call.end(trailing(call.metadata)));
  };
  const endless: handleServerStreamingCall<Buffer, Buffer> = (call) => {
    seen("Endless", call);
    const more = (): void => {
      while (!call.cancelled && call.write(Buffer.alloc(64 * 1024)));
      if (!call.cancelled) call.once("drain", more);
    };
    more();
  };
  server.addService(
    {
      Unary: { path: "/t.Echo/Unary", requestStream: false, responseStream: false, ...CODING },
      Fail: { path: "/t.Echo/Fail", requestStream: false, responseStream: false, ...CODING },
      Hold: { path: "/t.Echo/Hold", requestStream: false, responseStream: false, ...CODING },
      Client: { path: "/t.Echo/Client", requestStream: true, responseStream: false, ...CODING },
      Server: { path: "/t.Echo/Server", requestStream: false, responseStream: true, ...CODING },
      Endless: { path: "/t.Echo/Endless", requestStream: false, responseStream: true, ...CODING },
      Bidi: { path: "/t.Echo/Bidi", requestStream: true, responseStream: true, ...CODING },
    },
    { Unary: unary, Fail: fail, Hold: hold, Client: collect, Server: many, Endless: endless, Bidi: bidi },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    calls,
    release: () => {
      for (const done of held) done();
      held.clear();
    },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** How a call ended. */
export interface CallEnd {
  readonly code: number;
  readonly details: string;
  readonly trailers: Metadata;
  readonly messages: readonly Buffer[];
  readonly initial: Metadata | undefined;
}

/** What a call is made with. */
export interface CallChoice {
  readonly metadata?: Metadata;
  readonly deadlineMs?: number;
}

/** A grpc-js client of the service. */
export class EchoClient implements Disposable {
  readonly #client: Client;

  constructor(port: number, options: Record<string, string | number> = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { ...UNLIMITED, ...options });
  }

  /** Unary. */
  call(
    path: string,
    message: Buffer,
    choice: CallChoice = {},
  ): { readonly call: ClientUnaryCall; readonly end: Promise<CallEnd> } {
    const got: { initial: Metadata | undefined; reply: Buffer | undefined } = { initial: undefined, reply: undefined };
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    const call = this.#client.makeUnaryRequest(
      path,
      asIs,
      asIs,
      message,
      metadataOf(choice),
      optionsOf(choice),
      (_error: ServiceError | null, reply?: Buffer) => {
        got.reply = reply;
      },
    );
    call.on("metadata", (metadata) => (got.initial = metadata));
    call.on("status", ({ code, details, metadata }: StatusObject) =>
      // the answer is told in the same turn
      setImmediate(() =>
        resolve({
          code,
          details,
          trailers: metadata,
          messages: got.reply === undefined ? [] : [got.reply],
          initial: got.initial,
        }),
      ),
    );
    return { call, end: promise };
  }

  /** Server streaming. */
  many(path: string, message: Buffer, choice: CallChoice = {}) {
    const call = this.#client.makeServerStreamRequest(path, asIs, asIs, message, metadataOf(choice), optionsOf(choice));
    return { call, end: endOf(call) };
  }

  /** Client streaming: these messages, then the end. */
  async collect(path: string, messages: readonly Buffer[], choice: CallChoice = {}): Promise<CallEnd> {
    const replies: Buffer[] = [];
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    const call = this.#client.makeClientStreamRequest(
      path,
      asIs,
      asIs,
      metadataOf(choice),
      optionsOf(choice),
      (_error: ServiceError | null, reply?: Buffer) => {
        if (reply !== undefined) replies.push(reply);
      },
    );
    call.on("status", ({ code, details, metadata }: StatusObject) =>
      setImmediate(() => resolve({ code, details, trailers: metadata, messages: replies, initial: undefined })),
    );
    for (const message of messages) call.write(message);
    call.end();
    return promise;
  }

  /** Both ways. */
  bidi(path: string, choice: CallChoice = {}) {
    const call = this.#client.makeBidiStreamRequest(path, asIs, asIs, metadataOf(choice), optionsOf(choice));
    return { call, end: endOf(call) };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

const metadataOf = ({ metadata = new Metadata() }: CallChoice): Metadata => metadata;

const optionsOf = ({ deadlineMs }: CallChoice): { deadline?: number } =>
  deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };

function endOf(call: ClientReadableStream<Buffer>): Promise<CallEnd> {
  const messages: Buffer[] = [];
  let initial: Metadata | undefined;
  call.on("data", (message: Buffer) => messages.push(message));
  call.on("metadata", (metadata) => (initial = metadata));
  call.on("error", () => {});
  return new Promise((resolve) => {
    call.on("status", ({ code, details, metadata }) => resolve({ code, details, trailers: metadata, messages, initial }));
  });
}
