import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { METHODS } from "@sallyport/contract/wire.ts";
import type { ConformanceCase } from "../conformance-case.ts";
import { ensure, fail, quoted, skip } from "../finding.ts";
import type { GatewayTokenSigner, TokenChanges } from "../gateway-token-signer.ts";
import type { Probe } from "../probe.ts";
import { encodeReview, reviewRequest } from "../review-message.ts";
import { sampleExchange } from "../sample-exchange.ts";
import { sampleView } from "../sample-view.ts";
import { STATUS, statusName } from "../status-name.ts";

const REVIEW_TERMS = { withinMs: 5_000 } as const;

/** Tokens that are no proof of a gateway (C38). Skipped unless the suite is given a key to sign with. */
export const TOKEN_CASES: readonly ConformanceCase[] = [
  {
    name: "token-good",
    rule: "C38",
    requires: "a call with a token for this audience, signed by a key of the gateway, is served",
    async run(probe) {
      using connection = probe.connect({}, () => signerOf(probe).token());
      const answer = await probe.describe([], { connection });
      if (answer.kind === "status") fail(`a good token is ${statusName(answer.code)}`);
    },
  },
  {
    name: "token-expected-audience",
    rule: "C38",
    requires: "expected_audience, where the manifest has one, is the operator's audience",
    async run(probe) {
      signerOf(probe);
      const { expectedAudience } = await probe.manifest();
      if (expectedAudience === "") skip("the manifest names no audience");
      ensure(expectedAudience === probe.options.token?.audience, `the manifest expects ${quoted(expectedAudience)}`);
    },
  },
  refusing("token-missing", "a call without a token", () => undefined),
  refusing("token-garbage", "a token that is none", () => "not.a.token"),
  refusing(
    "token-expired",
    "an expired token",
    changed(() => ({ claims: { iat: seconds() - 900, exp: seconds() - 600 } })),
  ),
  refusing(
    "token-not-yet-valid",
    "a token issued in the future",
    changed(() => ({ claims: { iat: seconds() + 600, exp: seconds() + 700 } })),
  ),
  refusing(
    "token-without-expiry",
    "a token that never expires",
    changed(() => ({ claims: { exp: undefined } })),
  ),
  refusing(
    "token-audience",
    "a token for another audience",
    changed(() => ({ claims: { aud: "urn:sallyport:interceptor:somebody-else" } })),
  ),
  refusing("token-several-audiences", "a token for several audiences", (signer, { audience }) =>
    signer.token({ claims: { aud: [audience, "urn:sallyport:interceptor:somebody-else"] } }),
  ),
  refusing(
    "token-issuer",
    "a token of another issuer",
    changed(() => ({ claims: { iss: "urn:sallyport:another-gateway" } })),
  ),
  refusing(
    "token-type",
    "a JWT of another type",
    changed(() => ({ header: { typ: "JWT" } })),
  ),
  refusing("token-unsigned", "a token with alg none", (signer) => `${signer.unsigned({ header: { alg: "none" } })}.`),
  refusing("token-shared-secret", "a token signed by HS256 with the public key for a secret", (signer) => {
    const input = signer.unsigned({ header: { alg: "HS256" } });
    const secret = createPublicKey(signer.privateKey).export({ type: "spki", format: "pem" });
    return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
  }),
  refusing(
    "token-unknown-key",
    "a token that names a key nobody knows",
    changed(() => ({ header: { kid: "not-a-key" } })),
  ),
  refusing("token-forged", "a token signed by another key under a known key's name", (signer) =>
    signer.token({}, generateKeyPairSync("ed25519").privateKey),
  ),
  refusing("token-own-key", "a token that brings its key along", (signer) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    return signer.token({ header: { jwk: publicKey.export({ format: "jwk" }) } }, privateKey);
  }),
];

type TokenOf = (signer: GatewayTokenSigner, terms: { readonly audience: string }) => string | undefined;

function changed(changes: () => TokenChanges): TokenOf {
  return (signer) => signer.token(changes());
}

const seconds = (): number => Math.floor(Date.now() / 1000);

function refusing(name: string, what: string, tokenOf: TokenOf): ConformanceCase {
  return {
    name,
    rule: "C38",
    requires: `${what} gets neither a manifest nor a verdict, but UNAUTHENTICATED`,
    async run(probe) {
      const signer = signerOf(probe);
      const [binding] = await probe.bindings();
      using connection = probe.connect({}, () => tokenOf(signer, { audience: probe.options.token?.audience ?? "" }));
      const answers = [await probe.describe([], { connection })];
      if (binding !== undefined) {
        const request = reviewRequest(binding, sampleView(sampleExchange("typical", binding), binding));
        answers.push(await connection.call(METHODS.review, encodeReview(request), REVIEW_TERMS));
      }
      for (const answer of answers) {
        if (answer.kind === "reply") return fail(`${what} is served`);
        const isRefused = answer.code === STATUS.UNAUTHENTICATED || answer.code === STATUS.PERMISSION_DENIED;
        ensure(isRefused, `${what} is ${statusName(answer.code)}`);
      }
      await probe.stillServes(what);
    },
  };
}

function signerOf({ signer }: Probe): GatewayTokenSigner {
  return signer ?? skip("no key to sign tokens with (--jwt-key, --jwt-kid, --jwt-issuer, --jwt-audience)");
}
