import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { trimmedValues } from "../../fuzz/llhttp.ts";
import { Random } from "../../fuzz/random.ts";
import { disagreement } from "../../fuzz/requests/disagreement.ts";
import { generateCase } from "../../fuzz/requests/generate.ts";
import { llhttpReader } from "../../fuzz/requests/read-with-llhttp.ts";
import { readWithOurs } from "../../fuzz/requests/read-with-ours.ts";
import type { GrowingRequest, Reading } from "../../fuzz/requests/reading.ts";
import { fuzzRequests } from "../../fuzz/requests/run.ts";
import { desyncForms } from "../../support/desync-forms.ts";
import { DESYNC_PAYLOADS } from "../../support/desync-payloads.ts";
import { FOUND } from "./found.ts";

/** A few seconds' worth; `node test/fuzz/requests.ts 10000000` is the long run. */
const CASES = 60_000;

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

describe("requests that could be framed in two ways", () => {
  const forms = [...DESYNC_PAYLOADS, ...desyncForms()];

  it("are thousands of forms", () => {
    expect(forms.length).toBeGreaterThan(4_000);
    expect(new Set(forms.map(({ name }) => name)).size).toBe(forms.length);
  });

  it("never become a second request, nor anything llhttp does not read the same", () => {
    const readWithLlhttp = llhttpReader();
    const wrong = forms.flatMap(({ name, bytes }) => {
      const ours = readWithOurs(bytesOf(bytes));
      const why = disagreement(ours, readWithLlhttp(bytesOf(bytes)));
      const smuggled = ours.requests.some(({ requestTarget }) => requestTarget === "/smuggled");
      return why === undefined && !smuggled ? [] : [[name, why ?? "smuggled"]];
    });
    expect(wrong).toEqual([]);
  });
});

describe("our reader of requests", () => {
  it("never takes what llhttp refuses, nor takes it for something else, whole or in pieces", () => {
    const report = fuzzRequests({ cases: CASES, seed: 20261121 });
    expect(report.findings).toEqual([]);
    expect(report.cases).toBe(CASES);
    // the generator must not drown in refusals
    expect(report.accepted).toBeGreaterThan(CASES / 2);
    expect(report.refused).toBeGreaterThan(CASES / 5);
  }, 60_000);

  it.each(FOUND)("agrees with llhttp where it once did not: $name", ({ bytes }) => {
    expect(disagreement(readWithOurs(bytesOf(bytes)), llhttpReader()(bytesOf(bytes)))).toBeUndefined();
  });

  it("agrees likewise with Node's own HTTP server over the same bytes", async () => {
    const random = new Random(7);
    const wrong: unknown[] = [];
    let compared = 0;
    for (let i = 0; i < 1_500; i += 1) {
      const bytes = generateCase(random);
      const ours = readWithOurs(bytes);
      const reference = await readWithNode(bytes);
      compared += reference.requests.length > 0 ? 1 : 0;
      // it drops what it has read of a body that breaks off
      const whole = { ...ours, requests: ours.requests.filter(({ ended }) => ended), goesOn: false };
      const why = disagreement(whole, reference);
      if (why !== undefined) wrong.push([why, bytes.toString("latin1"), ours, reference]);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(700);
  }, 30_000);

  it("is compared with a reader that reads well-formed requests", () => {
    const text = "POST /a?b HTTP/1.1\r\nX-A:  b \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nGET * HTTP/1.0\r\n\r\n";
    expect(llhttpReader()(bytesOf(text))).toEqual({
      requests: [
        {
          method: "POST",
          requestTarget: "/a?b",
          minor: 1,
          lines: ["X-A", "b", "Transfer-Encoding", "chunked"],
          body: "ok",
          ended: true,
        },
        { method: "GET", requestTarget: "*", minor: 0, lines: [], body: "", ended: true },
      ],
      goesOn: false,
      fault: undefined,
    });
  });
});

/** Reads a case with `http.createServer` over a connection that is no socket. Only requests that came whole are told. */
async function readWithNode(bytes: Buffer): Promise<Reading> {
  const requests: GrowingRequest[] = [];
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: false, shouldUpgradeCallback: () => false });
  const take = (message: IncomingMessage): void => {
    const { method = "", url = "", httpVersionMinor, rawHeaders } = message;
    const request = {
      method,
      requestTarget: url,
      minor: httpVersionMinor,
      lines: trimmedValues(rawHeaders),
      body: "",
      ended: false,
    };
    requests.push(request);
    message.on("data", (piece: Buffer) => (request.body += piece.toString("latin1")));
    message.on("end", () => (request.ended = true));
    message.on("error", () => {});
  };
  for (const event of ["request", "checkContinue", "checkExpectation", "connect"]) server.on(event, take);
  server.on("clientError", () => {});
  const connection = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  server.emit("connection", connection);
  connection.push(bytes);
  for (let turns = 0; turns < 4; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  connection.destroy();
  server.close();
  return { requests, goesOn: false, fault: undefined };
}
