import { describe, expect, it } from "vitest";
import { textResponse } from "../../../../support/inbound.ts";
import { get, sessionTo, startHttp2 as start } from "../../../../support/inbound-http2.ts";
import { exchangeRaw, RawClient } from "../../../../support/raw-http.ts";
import { FLAG, FRAME, frame, headerBlock, PREFACE, requestFields, settings } from "../../../../support/raw-http2-client.ts";
import { turn } from "../../../../support/turn.ts";

describe("a port that speaks HTTP/1.1 and HTTP/2 without TLS", () => {
  it.each(["node", "sallyport"] as const)(
    "tells them apart by the first bytes, however they are cut, with codec %s",
    async (codec) => {
      await using inbound = await start(({ requestTarget }) => textResponse(requestTarget), {
        protocols: ["http1", "h2c"],
        codec,
      });
      using session = sessionTo(inbound.port);
      expect((await get(session, { ":path": "/two" })).text).toBe("/two");
      expect(await exchangeRaw(inbound.port, "GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).toMatch(/\/one$/);
      using cut = await RawClient.connect(inbound.port);
      for (const part of ["P", "OST /cut HTTP/1.1\r\n", "Host: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nab", "c"]) {
        cut.send(part);
        await turn();
      }
      expect(await cut.toEnd()).toMatch(/\/cut$/);
      using slow = await RawClient.connect(inbound.port);
      const request = frame(FRAME.headers, {
        flags: FLAG.endHeaders | FLAG.endStream,
        stream: 1,
        payload: headerBlock(requestFields("/slow")),
      });
      for (const byte of Buffer.concat([PREFACE, settings(), request])) {
        slow.send(String.fromCharCode(byte));
        await turn();
      }
      expect(await slow.until((received) => received.endsWith("/slow"))).toMatch(/\/slow$/);
    },
  );
});
