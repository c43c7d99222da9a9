import { describe } from "vitest";
import { http2Endpoints } from "../../src/adapters/upstream/http2/http2-endpoints.ts";
import { opening } from "../support/upstream.ts";
import { heedsEndings } from "./http2/endings.ts";
import { tellsHttp2Failures } from "./http2/failures.ts";
import { survivesHostility } from "./http2/hostile.ts";
import { probesSparingly } from "./http2/probes.ts";
import { followsNamesOverHttp2 } from "./http2/names.ts";
import { writesHttp2Requests } from "./http2/requests.ts";
import { readsHttp2Responses } from "./http2/responses.ts";

// what upstream.contract.ts asks of HTTP/1.1, asked of HTTP/2: against Node's server, and against frames by hand
describe("http2Endpoints as an Upstream", () => {
  const upstreamTo = opening(http2Endpoints);
  writesHttp2Requests(upstreamTo);
  readsHttp2Responses(upstreamTo);
  tellsHttp2Failures(upstreamTo);
  heedsEndings(upstreamTo);
  probesSparingly(upstreamTo);
  followsNamesOverHttp2(upstreamTo);
  survivesHostility(upstreamTo);
});
