import { request as httpRequest } from "node:http";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { trimmedValues } from "../../fuzz/llhttp.ts";
import { Random } from "../../fuzz/random.ts";
import { disagreement } from "../../fuzz/responses/disagreement.ts";
import { generateCase, type ResponseCase } from "../../fuzz/responses/generate.ts";
import { llhttpReader } from "../../fuzz/responses/read-with-llhttp.ts";
import { readWithOurs } from "../../fuzz/responses/read-with-ours.ts";
import type { Reading } from "../../fuzz/responses/reading.ts";
import { fuzzResponses } from "../../fuzz/responses/run.ts";
import { AMBIGUOUS } from "./ambiguous.ts";

/** A few seconds' worth; `node test/fuzz/responses.ts 10000000` is the long run. */
const CASES = 60_000;

describe("responses that could be framed in two ways", () => {
  it.each(AMBIGUOUS)("are refused, or their connection is given up: $name", ({ bytes }) => {
    const ours = readWithOurs({ method: "GET", bytes: Buffer.from(bytes, "latin1"), closes: false });
    expect(ours.reusable).toBe(false);
    expect(ours.body).not.toContain("evil");
  });
});

describe("our reader of responses", () => {
  it("never takes what llhttp refuses, nor takes it for something else, whole or in pieces", () => {
    const report = fuzzResponses({ cases: CASES, seed: 20261121 });
    expect(report.findings).toEqual([]);
    expect(report.cases).toBe(CASES);
    // the generator must not drown in refusals
    expect(report.accepted).toBeGreaterThan(CASES / 3);
    expect(report.refused).toBeGreaterThan(CASES / 5);
  }, 60_000);

  it("agrees likewise with Node's own HTTP client over the same bytes", async () => {
    const random = new Random(7);
    const wrong: unknown[] = [];
    let compared = 0;
    for (let i = 0; i < 2_000; i += 1) {
      const response = { ...generateCase(random), closes: true };
      const reference = await readWithNode(response);
      // it drops what it has read of a body that breaks off: nothing to compare
      if (reference === "broken off") continue;
      compared += 1;
      const why = disagreement({ ...readWithOurs(response), reusable: false }, reference);
      if (why !== undefined) wrong.push([why, response.bytes.toString("latin1"), reference]);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(1_000);
  });

  it("is compared with a reader that reads well-formed responses", () => {
    const bytes = Buffer.from("HTTP/1.1 200 OK\r\nX-A:  b \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    expect(llhttpReader()({ method: "GET", bytes, closes: false })).toEqual({
      status: 200,
      lines: ["X-A", "b", "Transfer-Encoding", "chunked"],
      body: "ok",
      ended: true,
      reusable: true,
      fault: undefined,
    });
  });
});

/** Reads a case with `http.request` over a connection that is no socket. */
function readWithNode({ method, bytes }: ResponseCase): Promise<Reading | "broken off"> {
  const connection = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const { promise, resolve } = Promise.withResolvers<Reading | "broken off">();
  const nothing: Reading = { status: undefined, lines: [], body: "", ended: false, reusable: false, fault: undefined };
  const request = httpRequest({ method, createConnection: () => connection });
  let begun = false;
  request.on("error", (error) => resolve(begun ? "broken off" : { ...nothing, fault: error.message }));
  request.on("upgrade", () => resolve({ ...nothing, fault: "upgrade" }));
  request.on("response", (message) => {
    begun = true;
    let body = "";
    const lines = trimmedValues(message.rawHeaders);
    message.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
    message.on("end", () => resolve({ ...nothing, status: message.statusCode, lines, body, ended: message.complete }));
    message.on("error", () => resolve("broken off"));
  });
  request.end();
  connection.push(bytes);
  connection.push(null);
  return promise;
}
