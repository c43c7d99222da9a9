import { startAdminServer, type AdminServer } from "../adapters/admin/fastify-server.ts";
import { ensureTokenFile, readAdminToken } from "../adapters/admin/token-file.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { ok, type Result } from "../model/result.ts";
import type { AdminRoute } from "../ports/admin-route.ts";
import type { Log } from "../ports/log.ts";

/** Opens the admin listener, and the status listener where there is one; when one fails, those before it are closed again. Makes the token file when it is missing. */
export async function openAdmin(
  { admin, status }: GatewayConfig,
  deps: { readonly routes: readonly AdminRoute[]; readonly log: Log },
): Promise<Result<readonly AdminServer[], string>> {
  const tokenFile = await ensureTokenFile(admin.tokenFile);
  if (!tokenFile.ok) return tokenFile;
  if (tokenFile.value.warning !== undefined) deps.log.write("warn", "admin_token_exposed", { message: tokenFile.value.warning });
  const wanted = [
    { address: admin.address, serves: "all" as const },
    ...(status === undefined ? [] : [{ address: status.address, serves: "public" as const }]),
  ];
  const open: AdminServer[] = [];
  for (const each of wanted) {
    const server = await startAdminServer({ ...deps, ...each, token: () => readAdminToken(admin.tokenFile) });
    if (!server.ok) {
      for (const earlier of open) await earlier[Symbol.asyncDispose]();
      return server;
    }
    open.push(server.value);
  }
  return ok(open);
}
