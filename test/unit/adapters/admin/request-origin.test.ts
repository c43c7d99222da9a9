import { describe, expect, it } from "vitest";
import { originProblem, ownNamesOf } from "../../../../src/adapters/admin/request-origin.ts";

const onLoopback = ownNamesOf("127.0.0.1");

describe("where a request may come from", () => {
  it.each(["127.0.0.1:9080", "localhost:9080", "LOCALHOST", "[::1]:9080", "192.0.2.7:1", "app.localhost:9080"])(
    "is taken when it is addressed to %s",
    (host) => {
      expect(originProblem({ host }, onLoopback)).toBeUndefined();
    },
  );

  it.each(["evil.example", "evil.example:9080", "localhost.evil.example", "127.0.0.1.evil.example", ""])(
    "is refused on loopback when it is addressed to %j",
    (host) => {
      expect(originProblem({ host }, onLoopback)).toMatchObject({ problem: "misdirected_request" });
    },
  );

  it("is taken under any name where the listener is bound elsewhere", () => {
    expect(originProblem({ host: "gateway.internal:9081" }, ownNamesOf("0.0.0.0"))).toBeUndefined();
  });

  it.each(["cross-site", "same-site"])("is refused when a browser says %s", (site) => {
    expect(originProblem({ host: "localhost", "sec-fetch-site": site }, onLoopback)).toMatchObject({ problem: "forbidden" });
  });

  it.each(["https://evil.example", "null", "http://localhost:1"])("is refused with the origin %s", (origin) => {
    expect(originProblem({ host: "localhost:9080", origin }, onLoopback)).toMatchObject({ problem: "forbidden" });
  });

  it("is taken from its own pages and from the address bar", () => {
    expect(
      originProblem({ host: "localhost:9080", origin: "http://localhost:9080", "sec-fetch-site": "same-origin" }, onLoopback),
    ).toBeUndefined();
    expect(originProblem({ host: "localhost:9080", "sec-fetch-site": "none" }, onLoopback)).toBeUndefined();
  });
});
