import { connect as connectHttp2, constants } from "node:http2";
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  DescribeRequest,
  Event,
  Manifest,
  ReviewRequest,
  WatchRequest,
} from "@sallyport/contract/gen/sallyport/interceptor/v1/interceptor.ts";
import { decodeVerdict } from "@sallyport/contract/verdict.ts";
import { METHODS } from "@sallyport/contract/wire.ts";
import { allow, binding, defineInterceptor, type Interceptor, type RunningInterceptor, serve } from "@sallyport/interceptors-sdk";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { testCertificates } from "../../support/certificates.ts";
import { TRANSPORTS, type Transport } from "../../support/transports.ts";

/** What the test at hand serves over. */
let transport: Transport = "lean";
let release = (): void => {};

const sample = (version: string, config?: (value: unknown) => unknown): Interceptor =>
  defineInterceptor({
    name: "sample",
    version,
    bindings: {
      check: binding({
        phase: "pre-auth",
        mode: "validate",
        needs: [],
        cacheable: true,
        ...(config && { config }),
        review: () => allow().annotate("version", version),
      }),
      slow: binding({
        phase: "pre-auth",
        mode: "validate",
        needs: [],
        review: async () => {
          await new Promise<void>((resolve) => (release = resolve));
          return allow().annotate("version", version);
        },
      }),
    },
  });

async function serving(interceptor = sample("1")): Promise<RunningInterceptor> {
  const running = await serve(interceptor, {
    listen: "grpc://127.0.0.1:0",
    allowInsecure: true,
    signals: false,
    transport,
    log: () => {},
    drainMs: 500,
  });
  onTestFinished(() => running.close());
  return running;
}

const asIs = (bytes: Buffer): Buffer => bytes;

function clientOf({ port }: RunningInterceptor): Client {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  onTestFinished(() => client.close());
  return client;
}

interface Watch {
  readonly stream: ClientReadableStream<Buffer>;
  readonly events: readonly Event[];
  /** Resolves when the service's headers are here, with the status when it ends without. */
  readonly headers: Promise<Metadata | number>;
  readonly ended: Promise<number>;
}

function watch(client: Client, request: Uint8Array = WatchRequest.encode({ gatewayId: "gw" }).finish()): Watch {
  const stream = client.makeServerStreamRequest(METHODS.watch, asIs, asIs, Buffer.from(request), new Metadata(), {});
  const events: Event[] = [];
  stream.on("data", (bytes: Buffer) => events.push(Event.decode(bytes)));
  stream.on("error", () => {});
  const ended = new Promise<number>((resolve) => stream.once("status", ({ code }) => resolve(code)));
  const headers = Promise.race([new Promise<Metadata>((resolve) => stream.once("metadata", resolve)), ended]);
  return { stream, events, headers, ended };
}

function call(client: Client, method: string, message: Uint8Array): Promise<Buffer | ServiceError> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(method, asIs, asIs, Buffer.from(message), (error, answer) =>
      resolve(error ?? answer ?? Buffer.alloc(0)),
    );
  });
}

const reviewOf = (bindingId: string, configDigest = ""): Uint8Array =>
  ReviewRequest.encode(
    ReviewRequest.fromPartial({ reviewId: "r1", bindingId, phase: 1, mode: 2, attempt: 1, configDigest, view: {} }),
  ).finish();

function versionIn(answer: Buffer | ServiceError): string | number {
  if (!Buffer.isBuffer(answer)) return answer.code;
  const verdict = decodeVerdict(answer, { reviewId: "r1", maxPatches: 0 });
  return verdict.ok ? (verdict.value.annotations[0]?.value ?? "") : verdict.error.reason;
}

describe.each(TRANSPORTS)("Watch, over %s", (which) => {
  beforeEach(() => void (transport = which));

  it("answers with headers at once, before there is anything to tell", async () => {
    const { headers, events } = watch(clientOf(await serving()));
    expect(await headers).toBeInstanceOf(Metadata);
    expect(events).toEqual([]);
  });

  it("tells every gateway that watches of a revoke, and says how many there were", async () => {
    const running = await serving();
    expect(running.revoke("nobody-is-there")).toBe(0);
    const watches = [watch(clientOf(running)), watch(clientOf(running))];
    await Promise.all(watches.map(({ headers }) => headers));
    expect(running.revoke("user:1", "plan")).toBe(2);
    for (const { events } of watches) {
      await expect.poll(() => events).toEqual([{ kind: { $case: "revoke", value: { tags: ["user:1", "plan"] } } }]);
    }
  });

  it.each([
    ["none", []],
    ["65", Array.from({ length: 65 }, (_, index) => `t${index}`)],
    ["an empty one", [""]],
    ["one of 257 bytes", ["x".repeat(257)]],
    ["half a surrogate pair", ["\ud800"]],
  ])("revokes no tags that are none: %s", async (_what, tags) => {
    const running = await serving();
    const { headers, events } = watch(clientOf(running));
    await headers;
    expect(() => running.revoke(...tags)).toThrow(/tag/);
    expect(running.revoke("x".repeat(256))).toBe(1);
    await expect.poll(() => events).toHaveLength(1);
  });

  it("forgets a gateway that left", async () => {
    const running = await serving();
    const { stream, headers, ended } = watch(clientOf(running));
    await headers;
    stream.cancel();
    expect(await ended).toBe(status.CANCELLED);
    await expect.poll(() => running.revoke("tag")).toBe(0);
  });

  it("lets 64 watch, refuses the next, and has room again when one leaves", async () => {
    const running = await serving();
    const client = clientOf(running);
    const watches = Array.from({ length: 64 }, () => watch(client));
    await Promise.all(watches.map(({ headers }) => headers));
    expect(await watch(clientOf(running)).headers).toBe(status.RESOURCE_EXHAUSTED);
    watches[0]?.stream.cancel();
    await expect.poll(() => watch(clientOf(running)).headers).toBeInstanceOf(Metadata);
  });

  it("refuses a request that is none", async () => {
    expect(await watch(clientOf(await serving()), Uint8Array.of(0xff)).headers).toBe(status.INVALID_ARGUMENT);
  });

  it("ends the streams, without waiting for the grace, when serving ends", async () => {
    const running = await serving();
    const { headers, ended } = watch(clientOf(running));
    await headers;
    await running.close();
    expect(await ended).toBe(status.OK);
  });

  it("lets go of a gateway that does not read: its stream ends, so it knows that it missed something", async () => {
    const running = await serving();
    const session = connectHttp2(`http://127.0.0.1:${running.port}`, { settings: { initialWindowSize: 256 } });
    onTestFinished(() => session.destroy());
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": METHODS.watch,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    const reset = new Promise<number>((resolve) => stream.once("close", () => resolve(stream.rstCode ?? -1)));
    const message = WatchRequest.encode({ gatewayId: "gw" }).finish();
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    stream.end(frame);
    await new Promise((resolve) => stream.once("response", resolve));
    const tags = Array.from({ length: 64 }, (_, index) => `${index}`.padStart(256, "x"));
    const told: number[] = [];
    for (let time = 0; time < 20; time += 1) told.push(running.revoke(...tags));
    expect(told.indexOf(0)).toBe(16);
    stream.resume();
    expect(await reset).toBe(constants.NGHTTP2_CANCEL);
  });

  it("asks at the same door as every other call: a stranger watches nothing", async () => {
    const certificates = await testCertificates();
    const running = await serve(sample("1"), {
      listen: "grpcs://127.0.0.1:0",
      tls: { ca: certificates.ca, ...(await certificates.server()), clientNames: ["gateway.test"] },
      gateway: { identity: "mtls" },
      signals: false,
      transport,
      log: () => {},
    });
    onTestFinished(() => running.close());
    const headersFor = async (name: string): Promise<Metadata | number> => {
      const { cert, key } = await certificates.client(name);
      const tls = credentials.createSsl(Buffer.from(certificates.ca), Buffer.from(key), Buffer.from(cert));
      const client = new Client(`127.0.0.1:${running.port}`, tls, {
        "grpc.ssl_target_name_override": "localhost",
        "grpc.use_local_subchannel_pool": 1,
      });
      onTestFinished(() => client.close());
      return watch(client).headers;
    };
    expect(await headersFor("other.test")).toBe(status.PERMISSION_DENIED);
    expect(running.revoke("tag")).toBe(0);
    expect(await headersFor("gateway.test")).toBeInstanceOf(Metadata);
    expect(running.revoke("tag")).toBe(1);
  });
});

describe.each(TRANSPORTS)("update, over %s", (which) => {
  beforeEach(() => void (transport = which));

  it("serves another definition, tells those who watch, and finishes reviews on the one they began with", async () => {
    const running = await serving();
    const client = clientOf(running);
    const { headers, events } = watch(client);
    await headers;
    const begun = call(client, METHODS.review, reviewOf("slow"));
    await expect.poll(() => running.counters().inFlight).toBe(1);
    expect(running.update(sample("2"))).toBe(1);
    await expect.poll(() => events).toEqual([{ kind: { $case: "manifestChanged", value: {} } }]);
    expect(versionIn(await call(client, METHODS.review, reviewOf("check")))).toBe("2");
    release();
    expect(versionIn(await begun)).toBe("1");
    const described = await call(client, METHODS.describe, DescribeRequest.encode(DescribeRequest.fromPartial({})).finish());
    expect(Buffer.isBuffer(described) && Manifest.decode(described)).toMatchObject({ version: "2", revokes: true });
  });

  it("keeps the configs the new definition accepts, and asks to be described again for the others", async () => {
    const running = await serving();
    const client = clientOf(running);
    const entry = { bindingId: "check", phase: 1 as const, configJson: '{"limit":1}', configDigest: "d1" };
    await call(client, METHODS.describe, DescribeRequest.encode(DescribeRequest.fromPartial({ bindings: [entry] })).finish());
    expect(versionIn(await call(client, METHODS.review, reviewOf("check", "d1")))).toBe("1");
    running.update(sample("2"));
    expect(versionIn(await call(client, METHODS.review, reviewOf("check", "d1")))).toBe("2");
    const picky = sample("3", () => {
      throw new Error("not this one");
    });
    running.update(picky);
    expect(versionIn(await call(client, METHODS.review, reviewOf("check", "d1")))).toBe(status.FAILED_PRECONDITION);
  });

  it("refuses another interceptor's name", async () => {
    const running = await serving();
    const other = defineInterceptor({ name: "other", bindings: { a: OTHER } });
    expect(() => running.update(other)).toThrow(TypeError);
  });
});

const OTHER = binding({ phase: "pre-auth", mode: "observe", needs: [], review: () => allow() });
