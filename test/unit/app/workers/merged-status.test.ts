import { describe, expect, it } from "vitest";
import { mergedStatus } from "../../../../src/app/workers/merged-status.ts";
import type { EndpointState, ReviewClientStatus } from "../../../../src/ports/review-client.ts";

const status = (state: EndpointState, more: Partial<ReviewClientStatus> = {}): ReviewClientStatus => ({
  connected: state !== "connecting",
  endpoints: [{ url: "grpcs://a:1", state, inFlight: 2 }],
  pendingReviews: 1,
  cachedVerdicts: 10,
  ...more,
});

describe("how an interceptor stands over all processes (C37)", () => {
  it("is as the process says that sees each endpoint worst, with what is counted summed up", () => {
    expect(mergedStatus(status("serving"), [status("open"), status("serving")])).toEqual({
      connected: true,
      endpoints: [{ url: "grpcs://a:1", state: "open", inFlight: 6 }],
      pendingReviews: 3,
      cachedVerdicts: 30,
    });
    expect(mergedStatus(status("serving"), [status("connecting"), status("half-open")])).toMatchObject({
      connected: false,
      endpoints: [{ state: "connecting" }],
    });
  });

  it("is that of the control process where no worker says anything, and knows no endpoint of a plan before", () => {
    expect(mergedStatus(status("not-serving"), [])).toEqual(status("not-serving"));
    const other = status("open", { endpoints: [{ url: "grpcs://gone:1", state: "open", inFlight: 1 }] });
    expect(mergedStatus(status("serving"), [other]).endpoints).toEqual([{ url: "grpcs://a:1", state: "serving", inFlight: 2 }]);
  });

  it("says what is wrong where anybody does", () => {
    const faulty = status("connecting", {
      fault: "wrong name",
      endpoints: [{ url: "grpcs://a:1", state: "connecting", inFlight: 0, fault: "wrong name" }],
    });
    expect(mergedStatus(status("serving"), [faulty])).toMatchObject({
      fault: "wrong name",
      endpoints: [{ fault: "wrong name" }],
    });
  });
});
