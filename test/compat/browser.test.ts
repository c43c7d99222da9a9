import { createHash } from "node:crypto";
import { allow, deny } from "@sallyport/interceptors-sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserPlace, KEY, NO_BROWSER, type BrowserPlace } from "./browser-place.ts";

// what stands in a function given to `evaluate` runs in the page: it sees its argument and nothing else of this file

describe.skipIf(NO_BROWSER !== undefined)(NO_BROWSER === undefined ? "Chromium" : `Chromium (SKIPPED: ${NO_BROWSER})`, () => {
  let place: BrowserPlace;

  beforeAll(async () => {
    place = await browserPlace();
  });

  afterAll(async () => {
    await place?.[Symbol.asyncDispose]();
  });

  /** What the upstream saw of the requests `act` made, preflights it should never see included. */
  async function seenDuring<T>(act: () => Promise<T>): Promise<{ readonly got: T; readonly seen: BrowserPlace["seen"] }> {
    const before = place.seen.length;
    const got = await act();
    return { got, seen: place.seen.slice(before) };
  }

  it("reads an answer of another origin that lists its page, with the headers the route exposes", async () => {
    const { got, seen } = await seenDuring(() =>
      place.page.evaluate(
        async ([url, key]) => {
          const answer = await fetch(`${url}/api/things?key=${key}`);
          const names = ["x-total", "x-request-id", "x-correlation-id"];
          return { status: answer.status, type: answer.type, headers: names.map((name) => answer.headers.get(name)) };
        },
        [place.plain, KEY],
      ),
    );
    expect(got).toMatchObject({ status: 200, type: "cors", headers: ["3", expect.any(String), null] });
    expect(seen.map(({ method }) => method)).toEqual(["GET"]);
  });

  it("asks before it sends JSON with a header of its own and its cookies; the upstream sees the request alone", async () => {
    const { got, seen } = await seenDuring(() =>
      place.page.evaluate(
        async ([url = "", key = ""]) => {
          const answer = await fetch(`${url}/api/things`, {
            method: "PUT",
            credentials: "include",
            headers: { "content-type": "application/json", "x-api-key": key, "x-trace": "on" },
            body: '{"a":1}',
          });
          return { status: answer.status, body: await answer.json() };
        },
        [place.plain, KEY],
      ),
    );
    expect(got).toMatchObject({ status: 200, body: { method: "PUT", bytes: 7 } });
    expect(seen).toMatchObject([{ method: "PUT", headers: { "x-trace": "on", cookie: "session=kim" } }]);
    expect(seen[0]?.headers).not.toHaveProperty("x-api-key");
    const asked = await place.gateway.lineWhere(({ event, method }) => event === "exchange" && method === "OPTIONS");
    expect(asked).toMatchObject({ status: 204, route: "api", decided_by: "cors" });
  });

  it("keeps an answer from a page that is not listed, and does not send what it had to ask for", async () => {
    const ask = (method: string) =>
      place.other.evaluate(
        async ([url, key, verb = ""]) => {
          try {
            return (await fetch(`${url}/api/secret?key=${key}`, { method: verb })).status;
          } catch (error) {
            return String(error);
          }
        },
        [place.plain, KEY, method],
      );
    const simple = await seenDuring(() => ask("GET"));
    expect([simple.got, simple.seen.length]).toEqual(["TypeError: Failed to fetch", 1]);
    const asked = await seenDuring(() => ask("DELETE"));
    expect([asked.got, asked.seen]).toEqual(["TypeError: Failed to fetch", []]);
    expect(place.complaints.filter((text) => text.includes("blocked by CORS policy"))).toHaveLength(2);
  });

  it.each([
    ["a missing credential", "/api/things", 401, "credential_missing"],
    ["a denial of an interceptor", "/gated/things", 403, "not_today"],
    ["an upstream nobody reaches", "/down/things", 502, "upstream_unreachable"],
  ])("reads the problem of %s", async (_what, path, status, code) => {
    place.answer = () => deny(403, "not_today", "Not today.");
    const got = await place.page.evaluate(async (url) => {
      const answer = await fetch(url);
      return { status: answer.status, body: await answer.json() };
    }, `${place.plain}${path}`);
    expect(got).toMatchObject({ status, body: { status, code, request_id: expect.any(String) } });
  });

  it("reads what the upstream refuses", async () => {
    const got = await place.page.evaluate(async (url) => {
      const answer = await fetch(url);
      return { status: answer.status, body: await answer.json() };
    }, `${place.plain}/api/missing?key=${KEY}`);
    expect(got).toEqual({ status: 404, body: { error: "no such thing" } });
  });

  it("is told nothing on a route without the policy but what the upstream says, and lets any page read where any may", async () => {
    const ask = (path: string) =>
      place.other.evaluate((url) => fetch(url).then(({ status }) => status, String), `${place.plain}${path}`);
    expect(await ask("/bare/things")).toBe("TypeError: Failed to fetch");
    expect(await ask("/public/things")).toBe(200);
  });

  it("speaks HTTP/2 over TLS, and sends 8 MiB whole", async () => {
    const got = await place.page.evaluate(
      async ([url = "", key = ""]) => {
        const body = new Uint8Array(8 * 1024 * 1024).fill(7);
        const answer = await fetch(`${url}/api/upload`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
        const told = await answer.json();
        const entries = () => performance.getEntriesByName(`${url}/api/upload`);
        // written down in a turn of its own
        while (entries().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        return { told, entry: entries()[0]?.toJSON() as unknown };
      },
      [place.secure, KEY],
    );
    const sent = new Uint8Array(8 * 1024 * 1024).fill(7);
    const sha256 = createHash("sha256").update(sent).digest("hex");
    expect(got).toMatchObject({ entry: { nextHopProtocol: "h2" }, told: { method: "POST", bytes: sent.byteLength, sha256 } });
  });

  it("streams a body as it is made: the first part is there before the second", async () => {
    const got = await place.page.evaluate(
      async ([url = "", key = ""]) => {
        const headers = { "x-api-key": key };
        const uploaded = async (): Promise<number> => {
          const answer = await fetch(`${url}/api/uploaded`, { headers });
          return ((await answer.json()) as { bytes: number }).bytes;
        };
        const seen: number[] = [];
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new Uint8Array(5)),
          // asked for more only after the first part was taken
          async pull(controller) {
            while ((await uploaded()) < 5);
            seen.push(await uploaded());
            controller.enqueue(new Uint8Array(3));
            controller.close();
          },
        });
        const answer = await fetch(`${url}/api/slowly`, { method: "POST", headers, body, duplex: "half" });
        return { seen, body: await answer.json() };
      },
      [place.secure, KEY],
    );
    expect(got).toMatchObject({ seen: [5], body: { bytes: 8 } });
  });

  it("leaves in the middle of an answer, and the upstream hears of it", async () => {
    const got = await place.page.evaluate(
      async ([url, key]) => {
        const controller = new AbortController();
        const answer = await fetch(`${url}/api/endless?key=${key}`, { signal: controller.signal });
        const first = await answer.body?.getReader().read();
        controller.abort();
        return new TextDecoder().decode(first?.value);
      },
      [place.plain, KEY],
    );
    expect(got).toBe("begun");
    await place.left;
  });

  it("comes again for events, with the id of the last it had", async () => {
    const { got, seen } = await seenDuring(() =>
      place.page.evaluate(
        ([url, key]) =>
          new Promise<string[]>((resolve) => {
            const events: string[] = [];
            const source = new EventSource(`${url}/api/events?key=${key}`, { withCredentials: true });
            source.addEventListener("message", ({ data, lastEventId }) => {
              events.push(`${lastEventId} ${String(data)}`);
              if (events.length < 3) return;
              source.close();
              resolve(events);
            });
          }),
        [place.plain, KEY],
      ),
    );
    expect(got).toEqual(["1 event 1", "2 event 2", "3 event 3"]);
    expect(seen.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "1", "2"]);
    expect(seen.map(({ headers }) => headers.cookie)).toEqual(["session=kim", "session=kim", "session=kim"]);
  });

  it.each(["plain", "secure"] as const)("opens a WebSocket on the %s listener, and gets its bytes back", async (door) => {
    const got = await place.page.evaluate(
      ([url, key]) =>
        new Promise<unknown>((resolve) => {
          const socket = new WebSocket(`${url}/api/socket?key=${key}`);
          socket.binaryType = "arraybuffer";
          socket.addEventListener("open", () => socket.send(Uint8Array.of(0, 255, 128, 1)));
          socket.addEventListener("message", ({ data }) => {
            socket.addEventListener("close", ({ code }) => resolve({ code, bytes: [...new Uint8Array(data as ArrayBuffer)] }));
            socket.close(4000, "enough");
          });
          socket.addEventListener("error", () => resolve("error"));
        }),
      [place[door].replace("http", "ws"), KEY],
    );
    expect(got).toEqual({ code: 4000, bytes: [0, 255, 128, 1] });
  });

  it("opens no WebSocket for a page that is not listed, though it would read one", async () => {
    const { got, seen } = await seenDuring(() =>
      place.other.evaluate(
        (url) =>
          new Promise<string>((resolve) => {
            const socket = new WebSocket(url);
            socket.addEventListener("open", () => resolve("open"));
            socket.addEventListener("close", ({ code }) => resolve(`closed ${code}`));
          }),
        `${place.plain.replace("http", "ws")}/gated/socket`,
      ),
    );
    expect([got, seen]).toEqual(["closed 1006", []]);
    const line = await place.gateway.lineWhere(({ path }) => path === "/gated/socket");
    expect(line).toMatchObject({ status: 403, decided_by: "cors", code: "forbidden" });
  });

  it("learns from the close code that it is not allowed any more", async () => {
    place.answer = () => allow().validFor(1_000);
    const closed = place.page.evaluate(
      (url) =>
        new Promise<unknown>((resolve) => {
          const socket = new WebSocket(url);
          socket.addEventListener("open", () => socket.send("here"));
          socket.addEventListener("message", () => console.log("open"));
          socket.addEventListener("close", ({ code, reason, wasClean }) => resolve({ code, reason, wasClean }));
        }),
      `${place.plain.replace("http", "ws")}/gated/allowed`,
    );
    await expect.poll(() => place.complaints.includes("open"), { timeout: 10_000 }).toBe(true);
    place.answer = () => deny(403, "suspended", "This account is suspended.");
    expect(await closed).toEqual({ code: 4403, reason: "suspended", wasClean: true });
  });

  it("calls gRPC by fetch, and reads in the head how a refused call ended", async () => {
    const got = await place.page.evaluate(
      async ([url = "", key = ""]) => {
        const call = async (headers: Record<string, string>) => {
          const answer = await fetch(`${url}/t.Echo/Unary`, {
            method: "POST",
            headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", ...headers },
            body: Uint8Array.of(0, 0, 0, 0, 2, 104, 105),
          });
          return { status: answer.headers.get("grpc-status"), text: await answer.text() };
        };
        return [await call({ "x-api-key": key }), await call({})];
      },
      [place.secure, KEY],
    );
    expect(got).toEqual([
      { status: null, text: expect.stringMatching(/^\0{4}\u0002hi.*grpc-status: 0\r\n/s) },
      { status: "16", text: "" },
    ]);
  });
});
