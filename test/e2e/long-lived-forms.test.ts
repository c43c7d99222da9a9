import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { allow, binding, defineInterceptor, deny } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SHOP_DESCRIPTORS } from "../support/shop-api.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { gatewayFiles, startInterceptor } from "../support/start-interceptor.ts";
import { configuration, interceptorAt } from "./support/configuration.ts";

/** A message that says nothing, in its frame. */
const MESSAGE = Buffer.alloc(5);

/** A service whose one message comes at once, and whose calls never end. */
function onCall(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.write(MESSAGE);
}

/** Whoever is asked again says no. */
const interceptor = defineInterceptor({
  name: "gate",
  version: "1",
  bindings: {
    gate: binding({
      phase: "pre-route",
      mode: "validate",
      needs: ["/request/path"],
      review: (_view, { reviewId }) =>
        reviewId.includes(":r") ? deny(403, "suspended", "This account is suspended.") : allow().validFor(300),
    }),
  },
});

describe("a stream of gRPC that was let through for a time (C36)", () => {
  const parts = new AsyncDisposableStack();
  let gateway: TestGateway;

  beforeAll(async () => {
    const upstream = createServer().on("stream", onCall);
    parts.defer(() => void upstream.close());
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const service = parts.use(await startInterceptor(interceptor));
    // an address of TCP has a port
    const endpoint = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const route = { authenticate: ["anonymous"], upstream: "main" };
    gateway = parts.use(
      await startGateway({
        files: await gatewayFiles(),
        place: async (path, text) => {
          await writeFile(join(dirname(path), "shop.binpb"), SHOP_DESCRIPTORS);
          await writeFile(path, text);
        },
        config: `${H2C_PREAMBLE}${configuration({
          upstreams: { main: { protocol: "grpc", endpoints: [endpoint], descriptor_set_file: "shop.binpb" } },
          routes: [
            { ...route, name: "calls", match: { grpc: { service: "t.Echo" } } },
            { ...route, name: "shop", match: { path: "/v1/**" }, transcode: { services: ["shop.v1.Shop"] } },
          ],
          interceptors: [
            interceptorAt(service.port, { name: "gate", bindings: [{ id: "gate", phase: "pre-route", mode: "validate" }] }),
          ],
        })}`,
      }),
    );
  });

  afterAll(() => parts.disposeAsync());

  const call = (type: string): RequestInit & { path: string } => ({
    path: "/t.Echo/Watch",
    method: "POST",
    headers: { "content-type": type },
    body: type.includes("text") ? MESSAGE.toString("base64") : MESSAGE,
  });

  it.concurrent.each([
    ["gRPC-Web", call("application/grpc-web+proto"), MESSAGE.toString()],
    ["gRPC-Web in text", call("application/grpc-web-text"), MESSAGE.toString("base64")],
    ["lines of JSON", { path: "/v1/items/7:watch", headers: { accept: "application/x-ndjson" } }, "{}\n"],
    [
      "server-sent events",
      { path: "/v1/items/7:watch", headers: { accept: "text/event-stream" } },
      "data: {}\n\n: closed by the gateway: suspended\n\n",
    ],
  ])(
    "is asked about again and cut in the form of %s, and nothing stands between its messages",
    async (_form, request, expected) => {
      const { path, ...init } = request;
      const response = await fetch(`${gateway.url}${path}`, { ...init, signal: AbortSignal.timeout(4_000) });
      expect(response.status).toBe(200);
      let text = "";
      const reading = (async () => {
        for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString("latin1");
      })();
      await expect(reading).rejects.toThrow("terminated");
      expect(text).toBe(expected);
      const id = response.headers.get("x-request-id");
      const line = await gateway.lineWhere(({ event, request_id }) => event === "exchange" && request_id === id);
      expect(line).toMatchObject({ outcome: "closed", decided_by: "gate/gate", code: "suspended" });
    },
  );
});
