import { describe } from "vitest";
import type { UpstreamTo } from "../support/upstream.ts";
import { closes, heedsCancelling } from "./upstream/endings.ts";
import { blamesTheClient, tellsFailures } from "./upstream/failures.ts";
import { followsNames } from "./upstream/names.ts";
import { writesRequests } from "./upstream/requests.ts";
import { readsResponses } from "./upstream/responses.ts";

/** What every upstream over HTTP/1.1 does, whatever it is made of: run against servers over real sockets. */
export function upstreamContract(name: string, upstreamTo: UpstreamTo): void {
  describe(`${name} as an Upstream`, () => {
    writesRequests(upstreamTo);
    readsResponses(upstreamTo);
    tellsFailures(upstreamTo);
    blamesTheClient(upstreamTo);
    heedsCancelling(upstreamTo);
    followsNames(upstreamTo);
    closes(upstreamTo);
  });
}
