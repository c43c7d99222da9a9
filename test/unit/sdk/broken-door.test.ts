import { Client, credentials, status } from "@grpc/grpc-js";
import { METHODS } from "@sallyport/contract/wire.ts";
import { describe, expect, it, onTestFinished } from "vitest";
import { GatewayWatchers } from "../../../interceptors-sdk/src/gateway-watchers.ts";
import { grpcJsServer } from "../../../interceptors-sdk/src/grpc-js-server.ts";
import { interceptorService } from "../../../interceptors-sdk/src/interceptor-service.ts";
import { leanServer } from "../../../interceptors-sdk/src/lean-server.ts";
import type { RpcServerTerms, UnaryCall } from "../../../interceptors-sdk/src/rpc-server.ts";
import { TRANSPORTS } from "../../support/transports.ts";

const bug = new Error("bug");
const SERVERS = { lean: leanServer, "grpc-js": grpcJsServer } as const;

describe.each(TRANSPORTS)("a check of callers that breaks, over %s", (transport) => {
  it.each<[string, Partial<RpcServerTerms>]>([
    [
      "that throws",
      {
        door: () => {
          throw bug;
        },
      },
    ],
    ["that rejects", { door: () => Promise.reject(bug) }],
    ["behind which the method throws", { door: () => Promise.resolve("known") }],
  ])("%s ends in INTERNAL, and is told", async (_name, terms) => {
    const faults: unknown[] = [];
    const server = SERVERS[transport]({
      methods: {
        unary: new Map([
          [
            "/t.T/A",
            () => {
              throw bug;
            },
          ],
        ]),
        streaming: new Map(),
      },
      door: () => "known",
      tls: undefined,
      maxMessageBytes: 1000,
      maxStreams: 10,
      onFault: (thrown) => faults.push(thrown),
      ...terms,
    });
    const port = await server.listen({ host: "127.0.0.1", port: 0 });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => {
      client.close();
      server.destroy();
    });
    const asIs = (bytes: Buffer): Buffer => bytes;
    const code = await new Promise((resolve) =>
      client.makeUnaryRequest("/t.T/A", asIs, asIs, Buffer.alloc(1), { deadline: Date.now() + 2_000 }, (error) =>
        resolve(error?.code),
      ),
    );
    expect(code).toBe(status.INTERNAL);
    expect(faults).toEqual([bug]);
  });
});

it("a late verdict that cannot be told ends in INTERNAL, and is told", async () => {
  const told = Promise.withResolvers<unknown>();
  const failed: number[] = [];
  const { unary } = interceptorService({
    reviews: { describe: () => expect.unreachable(), review: () => Promise.reject(bug) },
    watchers: new GatewayWatchers(() => {}),
    onFault: told.resolve,
  });
  const call: UnaryCall = {
    method: METHODS.review,
    connection: undefined,
    request: Buffer.alloc(0),
    endsAtMs: Number.POSITIVE_INFINITY,
    isCancelled: false,
    alternativeNames: () => undefined,
    authorization: () => [],
    onCancel: () => {},
    fail: ({ code }) => failed.push(code),
    reply: () => expect.unreachable(),
  };
  unary.get(METHODS.review)?.(call);
  expect(await told.promise).toBe(bug);
  expect(failed).toEqual([status.INTERNAL]);
});
