import type { GatewayConfig } from "../config/gateway-config.ts";
import { canonicalJson } from "../support/canonical-json.ts";

/** What a reload cannot change: sockets are opened and the log's level is set once per process. Certificates' content is no part of it. */
export function restartWarnings(running: GatewayConfig, loaded: GatewayConfig): readonly string[] {
  const sections: Readonly<Record<string, (config: GatewayConfig) => unknown>> = {
    "/workers": ({ workers }) => workers,
    "/listeners": ({ listeners }) => listeners,
    "/admin": ({ admin }) => admin,
    "/status": ({ status }) => status,
    "/overload": ({ overload }) => overload,
    "/log/level": ({ log }) => log.level,
    "/gateway_identity/id": ({ gatewayIdentity }) => gatewayIdentity.id,
    "/gateway_identity/token_lifetime": ({ gatewayIdentity }) => gatewayIdentity.tokenLifetimeMs,
  };
  return Object.entries(sections).flatMap(([pointer, section]) =>
    canonicalJson(section(running)) === canonicalJson(section(loaded))
      ? []
      : [`a change of ${pointer} takes effect after a restart`],
  );
}
