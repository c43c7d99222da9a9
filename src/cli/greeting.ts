import type { RunningGateway } from "../app/running-gateway.ts";

/** What a gateway says when it has come up: six lines at most. */
export function greeting(
  gateway: RunningGateway,
  { file, version }: { readonly file: string; readonly version: string },
): readonly string[] {
  const { routes, bindings } = gateway.counts;
  const doors = gateway.listeners.map(({ name, scheme, host, port, path }) =>
    path === undefined ? `${scheme}://${atHost(host)}:${port} (${name})` : `${scheme} at unix:${path} (${name})`,
  );
  return [
    `sallyport ${version}`,
    `  gateway  ${doors.join(", ")}`,
    `  admin    http://${atHost(gateway.admin.host)}:${gateway.admin.port}`,
    `  config   ${file}: ${routes} ${routes === 1 ? "route" : "routes"}, ${bindings} ${bindings === 1 ? "binding" : "bindings"}`,
    gateway.ready ? "  ready" : "  not ready: waiting for interceptors (see /ready)",
  ];
}

const atHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);
