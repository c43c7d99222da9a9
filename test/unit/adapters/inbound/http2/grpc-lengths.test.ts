import { describe, expect, it } from "vitest";
import { grpcTrailers } from "../../../../../src/model/grpc.ts";
import { HeaderLines } from "../../../../../src/model/header-lines.ts";
import { ToldFailure } from "../../../../../src/model/told-failure.ts";
import { HandStream } from "../../../../support/byte-flow.ts";
import { startInbound } from "../../../../support/inbound.ts";
import { FLAG, FRAME, RawHttp2, requestFields } from "../../../../support/raw-http2-client.ts";

const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 120]);

/** A response that says how long it will be, and a client that waits for it. */
async function begun(declaredBytes: number) {
  const body = new HandStream(declaredBytes);
  const parts = new AsyncDisposableStack();
  const headers = HeaderLines.of(["Content-Type", "application/grpc+proto"]);
  const inbound = parts.use(await startInbound(() => ({ status: 200, headers, body }), { protocols: ["h2c"] }));
  const client = parts.use(await RawHttp2.connect(inbound.port));
  client.request(1, requestFields("/t.T/Echo"));
  await client.until(() => client.of(FRAME.headers, 1).length > 0);
  body.sink?.write(MESSAGE);
  const isOver = (): boolean =>
    client.resetOf(1) !== undefined || client.frames.some(({ stream, flags }) => stream === 1 && (flags & FLAG.endStream) !== 0);
  return {
    body,
    inbound,
    client,
    over: () => client.until(isOver),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

describe("a gRPC response that says its length", () => {
  it("keeps the status behind its messages", async () => {
    await using call = await begun(MESSAGE.length);
    call.body.sink?.end(grpcTrailers(0, ""));
    await call.over();
    const [data] = call.client.of(FRAME.data, 1);
    expect([data?.payload, (data?.flags ?? 0) & FLAG.endStream]).toEqual([MESSAGE, 0]);
    expect(call.client.of(FRAME.headers, 1)).toMatchObject([{}, { flags: FLAG.endHeaders | FLAG.endStream }]);
    expect(call.inbound.sent).toMatchObject([{ bytes: MESSAGE.length, completed: true }]);
  });

  it("is reset where it breaks off before that: no status makes it whole", async () => {
    await using call = await begun(2 * MESSAGE.length);
    call.body.sink?.fail(new ToldFailure(grpcTrailers(13, "It broke off."), "upstream gone"));
    await call.over();
    expect(call.client.resetOf(1)).toBe(2);
    expect(call.inbound.sent).toMatchObject([{ completed: false, bodyBroke: true, cause: { cause: "upstream gone" } }]);
  });
});
