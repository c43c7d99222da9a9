import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/adapters/system/clock.ts";
import type { ListenerLimits } from "../../../../src/adapters/inbound/listener-settings.ts";
import { isStream } from "../../../../src/model/byte-stream.ts";
import { ingress, type IngressSettings } from "../../../../src/policies/ingress/receive.ts";
import { renderProblem } from "../../../../src/model/problem-body.ts";
import type { Clock } from "../../../../src/ports/clock.ts";
import { collect } from "../../../../src/support/byte-streams.ts";
import { desyncForms } from "../../../support/desync-forms.ts";
import { DESYNC_PAYLOADS, type DesyncPayload } from "../../../support/desync-payloads.ts";
import { fixedIds } from "../../../support/fixed-ids.ts";
import { startInbound, textResponse, type InboundUnderTest } from "../../../support/inbound.ts";
import { RawClient } from "../../../support/raw-http.ts";

const SETTINGS: IngressSettings = {
  trustedProxies: { addresses: { has: () => false }, headers: "x-forwarded" },
  singleValued: new Set(),
};

/** Patience with clients that are still sending is of no interest here. */
const HURRIED: Clock = { ...systemClock(), after: (delayMs, task) => systemClock().after(delayMs / 50, task) };

/** A listener with ingress behind it; `reached` are the exchanges an upstream would have seen whole. */
async function startGate(limits: Partial<ListenerLimits> = {}): Promise<InboundUnderTest & { readonly reached: string[] }> {
  const reached: string[] = [];
  const inbound = await startInbound(
    async (received) => {
      const arrival = ingress(SETTINGS)(received, fixedIds());
      if (arrival.kind === "refused") return renderProblem(arrival.refusal, { requestId: arrival.ids.requestId });
      const { body } = arrival.exchange;
      const collected = isStream(body) ? await collect(body, { maxBytes: 1_000_000 }) : undefined;
      if (collected?.kind === "broken")
        return renderProblem({ problem: "bad_request", detail: "The body broke off." }, { requestId: "x" });
      reached.push(arrival.exchange.head.path);
      return textResponse("reached");
    },
    { clock: HURRIED, limits },
  );
  return { ...inbound, reached };
}

describe("ambiguous requests", () => {
  it("are a table worth its name", () => {
    expect(DESYNC_PAYLOADS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(DESYNC_PAYLOADS.map(({ name }) => name)).size).toBe(DESYNC_PAYLOADS.length);
  });

  it.each(BENIGN)("are told from a benign one: $name", async ({ bytes }) => {
    await using gate = await startGate();
    using client = await RawClient.connect(gate.port);
    client.send(bytes + SENTINEL);
    await client.until((received) => received.split("reached").length > 2);
    expect(gate.reached).toEqual(["/first", "/sentinel"]);
  });

  it("are told from an upgrade nobody takes, behind which nothing is read", async () => {
    await using gate = await startGate();
    using client = await RawClient.connect(gate.port);
    client.send(`GET /first HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n${SENTINEL}`);
    expect(await client.toEnd()).toContain("reached");
    expect(gate.reached).toEqual(["/first"]);
  });

  it.each(DESYNC_PAYLOADS.filter(({ framed }) => framed !== true))(
    "neither reach the pipeline nor leave the connection usable: $name",
    async ({ bytes }) => {
      await using gate = await startGate();
      using client = await RawClient.connect(gate.port);
      client.send(bytes + SENTINEL);
      await client.toEnd();
      expect(gate.reached).toEqual([]);
      expect(client.statuses.filter((status) => status < 400 || status > 499)).toEqual([]);
      expect(client.statuses.length).toBeLessThanOrEqual(1);
    },
  );

  it("never become a second request, in thousands of forms", async () => {
    await using gate = await startGate({ headerTimeoutMs: 400 });
    const forms = [...desyncForms()];
    const odd: unknown[] = [];
    let answered = 0;
    const send = async ({ name, bytes }: DesyncPayload): Promise<void> => {
      using client = await RawClient.connect(gate.port);
      client.send(bytes + LAST_SENTINEL);
      await client.toEnd();
      answered += client.statuses.length > 0 ? 1 : 0;
      // the payload's own request, the sentinel, nothing in between
      if (client.statuses.length > 2 || client.statuses.some((status) => status > 499)) odd.push([name, client.received]);
    };
    for (let at = 0; at < forms.length; at += 300) await Promise.all(forms.slice(at, at + 300).map(send));
    expect(odd).toEqual([]);
    expect(new Set(gate.reached)).toEqual(new Set(["/first", "/sentinel"]));
    expect(answered).toBe(forms.length);
  }, 60_000);

  it.each(DESYNC_PAYLOADS.filter(({ framed }) => framed))(
    "are refused, and the request behind them is the one that was sent: $name",
    async ({ bytes }) => {
      await using gate = await startGate();
      using client = await RawClient.connect(gate.port);
      client.send(bytes + SENTINEL);
      await client.until((received) => received.includes("reached"));
      expect(gate.reached).toEqual(["/sentinel"]);
      expect(client.statuses[0]).toBeGreaterThanOrEqual(400);
      expect(client.statuses).toHaveLength(2);
    },
  );
});

/** Reached by whoever takes the end of the payload for the end of a request. */
const SENTINEL = "GET /sentinel HTTP/1.1\r\nHost: a.test\r\n\r\n";
const LAST_SENTINEL = "GET /sentinel HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

const BENIGN = [
  { name: "no body", bytes: "GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
  { name: "a length", bytes: "POST /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello" },
  {
    name: "chunks",
    bytes: "POST /first HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
  },
  { name: "absolute form", bytes: "GET http://A.test/first HTTP/1.1\r\nHost: a.TEST\r\n\r\n" },
  {
    name: "Chunked with a capital",
    bytes: "POST /first HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
  },
  { name: "an empty line in front", bytes: "\r\nGET /first HTTP/1.1\r\nHost: a.test\r\n\r\n" },
];
