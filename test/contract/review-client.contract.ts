import { describe } from "vitest";
import type { Connect } from "./review-client/client-under-test.ts";
import { keepsConnected } from "./review-client/connection.ts";
import { keepsTime } from "./review-client/time.ts";
import { givesVerdicts } from "./review-client/verdicts.ts";

/** What every client of interceptors does, whatever it is made of: run against a scripted service over real sockets. */
export function reviewClientContract(name: string, connect: Connect): void {
  describe(`${name} as a ReviewClient`, () => {
    givesVerdicts(connect);
    keepsTime(connect);
    keepsConnected(connect);
  });
}
