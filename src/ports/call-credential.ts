import type { Result } from "../model/result.ts";
import type { Secret } from "../model/secret.ts";

/** What a call to an interceptor shows of who makes it (C38). */
export interface CallCredential {
  /** A bearer token fit for one call, now. The error is a fragment for the log: without a valid token no call is made. */
  token(): Result<Secret, string>;
}
