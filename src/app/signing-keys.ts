import { gatewayIdentity, type GatewayIdentity, type KeySource } from "../adapters/identity/gateway-identity.ts";
import { readSigningKeys } from "../adapters/identity/signing-key.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import type { ConfigIssue } from "../model/config-issue.ts";
import { issuerOf } from "../model/gateway-token.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { LoadedFile, LoadFailure } from "./load-file.ts";

/** Where a configuration says the signing keys come from, with the keys read. Issues name the file and quote nothing of it. */
export async function keySourceOf({ config, positions }: LoadedConfig): Promise<Result<KeySource, readonly ConfigIssue[]>> {
  const { signingKeyFiles } = config.gatewayIdentity;
  if (signingKeyFiles.length === 0) return ok({ kind: "generated" });
  const keys = await readSigningKeys(signingKeyFiles);
  if (keys.ok) return ok({ kind: "files", keys: keys.value });
  const pointer = "/gateway_identity/signing_key_files";
  return err(keys.error.map((message) => ({ ...positions.at(pointer), pointer, message })));
}

/** The identity a configuration gives the gateway. */
export async function identityOf(
  loaded: LoadedConfig,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Result<GatewayIdentity, readonly ConfigIssue[]>> {
  const keys = await keySourceOf(loaded);
  if (!keys.ok) return keys;
  const { id, tokenLifetimeMs } = loaded.config.gatewayIdentity;
  return ok(await gatewayIdentity({ issuer: issuerOf(id), keys: keys.value, tokenLifetimeMs }, deps));
}

/** A configuration whose signing keys cannot be read is no better than one that does not parse: the last known good one stays. */
export async function withSigningKeys(read: Result<LoadedFile, LoadFailure>): Promise<Result<LoadedFile, LoadFailure>> {
  if (!read.ok) return read;
  const keys = await keySourceOf(read.value.loaded);
  return keys.ok ? read : err({ issues: keys.error, fingerprint: read.value.fingerprint });
}
