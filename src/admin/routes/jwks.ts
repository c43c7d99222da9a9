import type { PublicKeys } from "../../ports/admin-facts.ts";
import type { AdminRoute } from "../../ports/admin-route.ts";
import { JWKS_MAX_AGE_S, JWKS_PATH } from "../../ports/jwk-set.ts";
import { JSON_TYPE, jsonAnswer } from "../json-answer.ts";

/** The keys by which interceptors know the gateway's tokens (C38): public ones, so nobody is asked who they are. */
export const jwks = (source: PublicKeys): AdminRoute => ({
  method: "GET",
  path: JWKS_PATH,
  summary: "Public keys of the gateway's tokens for interceptors (JWKS).",
  access: "public",
  answers: [{ status: 200, contentType: JSON_TYPE, means: "All keys whose tokens may be valid, and the next one." }],
  answer: () => ({ ...jsonAnswer(200, source.jwks()), maxAgeS: JWKS_MAX_AGE_S }),
});
