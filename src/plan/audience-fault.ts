import type { InterceptorConfig } from "../config/interceptor-config.ts";
import type { Manifest } from "../model/manifest.ts";

/**
 * Why an interceptor is refused that expects tokens for another audience than the operator's (C38): it would refuse every call, or it
 * is not the service the operator meant. What the manifest says is compared and never used.
 */
export function audienceFault(
  { audience }: Pick<InterceptorConfig, "audience">,
  { expectedAudience }: Pick<Manifest, "expectedAudience">,
): string | undefined {
  if (expectedAudience === "" || expectedAudience === audience) return undefined;
  return `the manifest expects the audience ${JSON.stringify(expectedAudience.slice(0, 255))}, the operator's is ${JSON.stringify(audience)}`;
}
