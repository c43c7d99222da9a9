import { Server, ServerCredentials } from "@grpc/grpc-js";
import { GrpcServer } from "@sallyport/lean-grpc/server.ts";
import { systemClock } from "../../../src/adapters/system/clock.ts";
import { REVIEW_METHOD, transportKind, type TransportKind, verdictBytes } from "./transport-message.ts";

// Answers every review with the same bytes, over the library it is told.
const verdict = verdictBytes();

const LISTEN: Readonly<Record<TransportKind, () => Promise<number>>> = {
  "grpc-js": () => {
    const server = new Server();
    const same = (bytes: Buffer): Buffer => bytes;
    const review = {
      path: REVIEW_METHOD,
      requestStream: false as const,
      responseStream: false as const,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    server.addService(
      { review },
      { review: (_call: unknown, done: (error: null, bytes: Buffer) => void) => done(null, verdict) },
    );
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  },
  lean: () =>
    new GrpcServer({
      methods: new Map([[REVIEW_METHOD, (call) => call.answer(verdict)]]),
      limits: { maxStreams: 256, maxMessageBytes: 1024 * 1024 },
      maxConnections: 100,
      tls: undefined,
      timers: systemClock(),
      onFault: (thrown) => {
        throw thrown;
      },
    }).listen({ host: "127.0.0.1", port: 0 }),
};

const port = await LISTEN[transportKind(process.argv[2])]();
process.stdout.write(`${JSON.stringify({ port })}\n`);
