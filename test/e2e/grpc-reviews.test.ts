import { status } from "@grpc/grpc-js";
import { allow, binding, defineInterceptor, deny, type Answer as AnswerOf } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { EchoClient, startGrpcEcho, type EchoService } from "../support/grpc-echo.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor, type TestInterceptor } from "../support/start-interceptor.ts";
import { configuration, interceptorAt } from "./support/configuration.ts";

type Before = AnswerOf<"pre-route", "mutate", readonly ["/request/headers/x-marker"]>;

const route = (name: string, service: string, rest = {}) => ({
  name,
  match: { grpc: { service } },
  authenticate: ["anonymous"],
  upstream: "main",
  ...rest,
});

describe("a gRPC call that is reviewed", () => {
  let service: EchoService;
  let interceptor: TestInterceptor;
  let gateway: TestGateway;
  let client: EchoClient;
  let answer: () => Before;
  const seen: unknown[] = [];

  beforeAll(async () => {
    service = await startGrpcEcho();
    interceptor = await startInterceptor(
      defineInterceptor({
        name: "scripted",
        version: "1",
        bindings: {
          before: binding({
            phase: "pre-route",
            mode: "mutate",
            needs: ["/request/protocol", "/request/path", "/request/headers/content-type"],
            writes: ["/request/headers/x-marker"],
            review: (view) => {
              seen.push([view.request.protocol, view.request.path, view.request.headers["content-type"]]);
              return answer();
            },
          }),
          reader: binding({
            phase: "pre-route",
            mode: "validate",
            needs: ["/request/body"],
            body: "bytes",
            review: () => allow(),
          }),
          after: binding({
            phase: "post-response",
            mode: "validate",
            needs: ["/response/body"],
            body: "bytes",
            review: () => allow(),
          }),
        },
      }),
    );
    gateway = await startGateway({
      files: await gatewayFiles(),
      config: `${H2C_PREAMBLE}${configuration({
        upstreams: { main: { protocol: "grpc", endpoints: [`http://127.0.0.1:${service.port}`] } },
        routes: [route("echo", "t.Echo"), route("read", "t.Read"), route("after", "t.After")],
        interceptors: [
          interceptorAt(interceptor.port, {
            bindings: [
              { id: "before", phase: "pre-route", mode: "mutate", match: { routes: ["echo"] } },
              { id: "reader", phase: "pre-route", mode: "validate", match: { routes: ["read"] }, failure_policy: "fail-open" },
              {
                id: "after",
                phase: "post-response",
                mode: "validate",
                match: { routes: ["after"] },
                failure_policy: "fail-open",
              },
            ],
          }),
        ],
      })}`,
    });
    client = new EchoClient(Number(new URL(gateway.url).port));
  });

  afterAll(async () => {
    client?.[Symbol.dispose]();
    for (const part of [gateway, interceptor, service]) await part?.[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    answer = () => allow();
    seen.length = 0;
  });

  it("is shown as what it is, and carries what was patched", async () => {
    answer = () => allow().setHeader("x-marker", "seen");
    expect((await client.call("/t.Echo/Unary", Buffer.from("x")).end).code).toBe(status.OK);
    expect(seen).toEqual([["grpc", "/t.Echo/Unary", "application/grpc"]]);
    expect(service.calls.at(-1)?.metadata["x-marker"]).toEqual(["seen"]);
  });

  it.each([
    ["the status that follows from HTTP's", () => deny(429, "too_many", "Slow down."), status.RESOURCE_EXHAUSTED, "Slow down."],
    ["its own status", () => deny(403, "no", "Nö 100 %.", { grpcCode: 9 }), status.FAILED_PRECONDITION, "Nö 100 %."],
  ] as const)("is denied with %s, in its words, and does not reach the service (C16)", async (_name, denial, code, details) => {
    answer = denial;
    const { length } = service.calls;
    expect(await client.call("/t.Echo/Unary", Buffer.from("x")).end).toMatchObject({ code, details });
    expect(service.calls).toHaveLength(length);
    expect(gateway.exchanges().at(-1)).toMatchObject({ route: "echo" });
  });

  it("is denied before a byte of a stream", async () => {
    answer = () => deny(403, "no", "Not today.");
    const { call, end } = client.bidi("/t.Echo/Bidi");
    call.write(Buffer.from("x"));
    expect(await end).toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it("has no body to show: who has to see one refuses it, whatever else is said (C18)", async () => {
    expect((await client.call("/t.Read/Unary", Buffer.from("x")).end).code).toBe(status.INVALID_ARGUMENT);
    expect((await client.call("/t.After/Unary", Buffer.from("x")).end).code).not.toBe(status.OK);
  });

  it("is asked about again while it is open, and closed with a status when it may go no further (C36)", async () => {
    answer = () => allow().validFor(200);
    const { call, end } = client.bidi("/t.Echo/Bidi");
    const pong = new Promise((resolve) => call.once("data", resolve));
    call.write(Buffer.from("a"));
    await pong;
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(1), { timeout: 5_000 });
    answer = () => deny(403, "over", "Not any more.");
    const over = await end;
    expect(over.code).toBe(status.PERMISSION_DENIED);
    expect(over.messages.map(String)).toEqual(["a"]);
    await vi.waitFor(() => expect(service.calls.at(-1)?.cancelled).toBe(true));
    expect(await gateway.lineWhere(({ event, outcome }) => event === "exchange" && outcome === "closed")).toBeDefined();
  });
});
