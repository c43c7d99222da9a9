import { z } from "zod";
import { MAX_TOKEN_LIFETIME_MS } from "../../model/gateway-token.ts";
import type { LoadedFiles } from "../files/loaded-files.ts";
import type { GatewayIdentityConfig } from "../gateway-config.ts";
import { duration, filePath, matching, name } from "./primitives.ts";

/** Keys beside the one that signs: the one before it, the one after it, and room for a mistake. */
const MAX_SIGNING_KEYS = 8;

/** `gateway_identity`: who the gateway is to interceptors (C38). */
export const gatewayIdentitySchema = z.strictObject({
  id: name
    .prefault("sallyport")
    .describe("Id of the gateway; its tokens say `iss: urn:sallyport:<id>`. Shared by all replicas; a change needs a restart."),
  signing_key_files: z
    .array(filePath)
    .max(MAX_SIGNING_KEYS, { error: `expected at most ${MAX_SIGNING_KEYS} files` })
    .prefault([])
    .describe(
      "Ed25519 private keys, PEM (PKCS#8). The first signs tokens, all are published; read again when they change. Empty: a key is made at start and every day.",
    ),
  token_lifetime: duration({ minMs: 10_000, maxMs: MAX_TOKEN_LIFETIME_MS })
    .prefault("5m")
    .describe("How long a token for an interceptor is valid; it is renewed at four fifths of that. A change needs a restart."),
});

/** The identity as the program sees it. */
export const toGatewayIdentity = (parsed: z.output<typeof gatewayIdentitySchema>, files: LoadedFiles): GatewayIdentityConfig => ({
  id: parsed.id,
  signingKeyFiles: parsed.signing_key_files.map((path) => files.resolve(path)),
  tokenLifetimeMs: parsed.token_lifetime,
});

/** For whom a token is: one text, compared character by character. */
export const audience = matching({
  title: "audience",
  expected: "an audience of 1 to 255 visible ASCII characters",
  pattern: "^[\\u0021-\\u007e]{1,255}$",
});
