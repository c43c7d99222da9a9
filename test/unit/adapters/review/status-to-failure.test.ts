import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import {
  isConnectionLost,
  isNotConnected,
  isUnseen,
  STATUS,
  statusToFailure,
} from "../../../../src/adapters/review/status-to-failure.ts";

const LIMIT = 1000;

describe("statusToFailure (C15)", () => {
  it.each([
    [status.CANCELLED, "unavailable", undefined],
    [status.UNKNOWN, "invalid", "contract"],
    [status.INVALID_ARGUMENT, "invalid", "contract"],
    [status.DEADLINE_EXCEEDED, "timeout", undefined],
    [status.NOT_FOUND, "invalid", "contract"],
    [status.ALREADY_EXISTS, "invalid", "contract"],
    [status.PERMISSION_DENIED, "unavailable", undefined],
    [status.RESOURCE_EXHAUSTED, "overloaded", undefined],
    [status.FAILED_PRECONDITION, "unavailable", undefined],
    [status.ABORTED, "invalid", "contract"],
    [status.OUT_OF_RANGE, "invalid", "contract"],
    [status.UNIMPLEMENTED, "invalid", "contract"],
    [status.INTERNAL, "invalid", "contract"],
    [status.UNAVAILABLE, "unavailable", undefined],
    [status.DATA_LOSS, "invalid", "contract"],
    [status.UNAUTHENTICATED, "unavailable", undefined],
    // OK is no failure; where one is made of it, something was wrong with the call
    [status.OK, "invalid", "contract"],
    // what no standard knows
    [17, "invalid", "contract"],
    [-1, "invalid", "contract"],
    [Number.NaN, "invalid", "contract"],
  ])("reads status %s as %s", (code, kind, reason) => {
    const failure = statusToFailure({ code, details: "" }, LIMIT);
    expect([failure.kind, failure.reason]).toEqual([kind, reason]);
  });

  it("knows the codes by the library's numbers", () => {
    for (const [name, code] of Object.entries(STATUS)) expect(status[code]).toBe(name);
  });

  it("tells our own limit from the peer's, which says the same words with another number", () => {
    const ours = { code: status.RESOURCE_EXHAUSTED, details: `Received message larger than max (5000 vs ${LIMIT})` };
    const theirs = { code: status.RESOURCE_EXHAUSTED, details: "Received message larger than max (5000000 vs 4194304)" };
    expect(statusToFailure(ours, LIMIT)).toMatchObject({ kind: "invalid", reason: "too_large" });
    expect(statusToFailure(theirs, LIMIT)).toMatchObject({ kind: "overloaded" });
    const unpacked = {
      code: status.RESOURCE_EXHAUSTED,
      details: `Received message that decompresses to a size larger than ${LIMIT}`,
    };
    expect(statusToFailure(unpacked, LIMIT)).toMatchObject({ kind: "invalid", reason: "too_large" });
  });

  it("takes the library's INTERNAL for a lost connection where it is one", () => {
    expect(statusToFailure({ code: status.INTERNAL, details: "Failed to start HTTP/2 stream with error x" }, LIMIT).kind).toBe(
      "unavailable",
    );
    const broken = "Received RST_STREAM with code 2 triggered by internal client error: write EPIPE";
    expect(statusToFailure({ code: status.INTERNAL, details: broken }, LIMIT).kind).toBe("unavailable");
  });

  it("leaves out the library's note on its own name resolution", () => {
    const details =
      "No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1 (2026-11-21T05:00:00.000Z). Resolution note: ";
    expect(statusToFailure({ code: status.UNAVAILABLE, details }, 100).message).toMatch(/05:00:00\.000Z\)$/);
  });

  it("bounds what a peer can write into the log", () => {
    expect(statusToFailure({ code: status.UNKNOWN, details: "x".repeat(100_000) }, LIMIT).message.length).toBeLessThan(600);
  });
});

describe("what may be sent again (C6)", () => {
  it.each([
    [status.UNAVAILABLE, "Stream refused by server", true],
    [status.UNAVAILABLE, "Channel closed before call started", true],
    [status.INTERNAL, "Failed to start HTTP/2 stream with error x", true],
    [status.UNAVAILABLE, "Connection dropped", false],
    [status.UNAVAILABLE, "No connection established. Last error: x", false],
    [status.INTERNAL, "Received RST_STREAM with code 2", false],
    [status.UNKNOWN, "Stream refused by server", false],
  ])("status %s, %s: unseen is %s", (code, details, unseen) => {
    expect(isUnseen({ code, details })).toBe(unseen);
  });

  it("calls a connection lost that was there", () => {
    expect(isConnectionLost({ code: status.UNAVAILABLE, details: "Connection dropped" })).toBe(true);
    expect(isConnectionLost({ code: status.UNAVAILABLE, details: "No connection established. Last error: x" })).toBe(false);
    expect(isConnectionLost({ code: status.FAILED_PRECONDITION, details: "" })).toBe(false);
  });

  it("knows a call that found no connection by our own client's word, or the library's (C6)", () => {
    const ours = { code: status.UNAVAILABLE, details: "no connection: connect ECONNREFUSED", cause: "unreachable" } as const;
    const theirs = { code: status.UNAVAILABLE, details: "No connection established. Last error: x" };
    for (const call of [ours, theirs])
      expect([isNotConnected(call), isUnseen(call), isConnectionLost(call)]).toEqual([true, false, false]);
    expect(isNotConnected({ ...theirs, cause: "lost" })).toBe(false);
    expect(isNotConnected({ code: status.UNAVAILABLE, details: "busy" })).toBe(false);
  });
});
