import type { TranscodingTerms } from "../../src/adapters/upstream/grpc/transcode/transcoding-upstream.ts";
import { shownResponses } from "../../src/policies/forward/to-shown-response.ts";
import { OpenEventStreams } from "../../src/app/open-event-streams.ts";
import { FakeClock } from "./fake-clock.ts";

/** What a route with nothing configured transcodes with. */
export function transcodingTerms(
  own: Partial<TranscodingTerms> & { readonly clock?: FakeClock } = {},
): TranscodingTerms & { readonly clock: FakeClock; readonly streams: OpenEventStreams } {
  const clock = own.clock ?? new FakeClock();
  const errorFormat = own.errorFormat ?? "problem";
  const shown = shownResponses({ errorFormat, upstreamErrors: { client: "verbatim", server: "opaque" } });
  return {
    alwaysEvents: false,
    errorFormat,
    shown: (answer, ids) => shown(answer, { ids }),
    ...own,
    clock,
    streams: new OpenEventStreams(clock),
  };
}
