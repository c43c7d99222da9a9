import { createServer, type ServerHttp2Stream } from "node:http2";
import { connect, type AddressInfo, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SHOP_DESCRIPTORS } from "../support/shop-api.ts";
import { H2C_PREAMBLE, startGateway, type TestGateway } from "../support/start-gateway.ts";
import { configuration } from "./support/configuration.ts";

const route = (name: string): Readonly<Record<string, unknown>> => ({
  name,
  match: { path: "/v1/**", headers: { "x-shop": name } },
  authenticate: ["anonymous"],
  upstream: name,
  transcode: { services: ["shop.v1.Shop"] },
});

describe("bodies that are held to be transcoded", () => {
  const asked: string[] = [];
  const shop = createServer();
  shop.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    stream.on("data", (bytes: Buffer) => asked.push(bytes.subarray(5).toString("latin1")));
    stream.on("end", () =>
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true }),
    );
  });
  let gateway: TestGateway;

  beforeAll(async () => {
    await new Promise<void>((resolve) => shop.listen(0, "127.0.0.1", resolve));
    const live = [`http://127.0.0.1:${(shop.address() as AddressInfo).port}`]; // listening on TCP
    const grpc = { protocol: "grpc", descriptor_set_file: "shop.binpb" };
    gateway = await startGateway({
      place: async (path, text) => {
        await writeFile(join(dirname(path), "shop.binpb"), SHOP_DESCRIPTORS);
        await writeFile(path, text);
      },
      config: `${H2C_PREAMBLE}${configuration({
        max_captured_bytes: "1MiB",
        upstreams: {
          dead: { ...grpc, endpoints: ["http://127.0.0.1:1"], fallback: ["spare"] },
          spare: { protocol: "grpc", endpoints: live },
          small: { ...grpc, endpoints: live, max_requests: 4 },
          roomy: { ...grpc, endpoints: live },
        },
        routes: ["dead", "small", "roomy"].map(route),
      })}`,
    });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    shop.close();
  });

  /** Twenty clients that send most of a body and no more; how those were answered so far, by status. */
  function stalled(
    name: string,
    bodyBytes: number,
  ): { readonly sockets: readonly Socket[]; readonly statuses: readonly string[] } {
    const statuses: string[] = [];
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
      socket.on("error", () => {});
      socket.on("data", (bytes: Buffer) => statuses.push(bytes.toString("latin1").slice(9, 12)));
      socket.write(
        `POST /v1/items HTTP/1.1\r\nHost: x\r\nx-shop: ${name}\r\ncontent-type: application/json\r\ncontent-length: ${bodyBytes}\r\n\r\n`,
      );
      socket.write(Buffer.alloc(bodyBytes - 1, " "));
      return socket;
    });
    return { sockets, statuses };
  }

  it.each([
    ["the process's room for bodies", "roomy", 400_000, 18],
    ["the most requests of their upstream", "small", 1_000, 16],
  ])("are held to %s", { timeout: 20_000 }, async (_name, name, bodyBytes, refused) => {
    const { sockets, statuses } = stalled(name, bodyBytes);
    await expect.poll(() => statuses.length, { timeout: 10_000 }).toBe(refused);
    expect(new Set(statuses)).toEqual(new Set(["503"]));
    for (const socket of sockets) socket.destroy();
  });

  it("are at hand for the fallback of an upstream that cannot be connected to", async () => {
    const answer = await fetch(`${gateway.url}/v1/items`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-shop": "dead" },
      body: '{"name":"held"}',
    });
    expect([answer.status, asked.at(-1)]).toEqual([404, "\n\u0004held"]);
  });
});
