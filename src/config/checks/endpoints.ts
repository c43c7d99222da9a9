import type { ConfigIssue } from "../../model/config-issue.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { Cursor } from "../source/cursor.ts";

const TLS_FILES = ["ca_file", "cert_file", "key_file"] as const;

const OF_SOCKETS = ["trusted_uids", "trusted_gids", "peer_credentials"] as const;

/** How the gateway and an interceptor know each other: mutual TLS in full, a socket of this machine, or an explicit word that neither does. */
export function checkEndpoints(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const endpoint = interceptor.get("endpoint").text() ?? "";
      if (endpoint.startsWith("grpcs://")) return [...mutualTls(interceptor, endpoint), ...socketKeys(interceptor, "grpcs://")];
      if (endpoint.startsWith("unix://")) return tlsOverSocket(interceptor);
      return endpoint.startsWith("grpc://") ? [...insecure(interceptor), ...socketKeys(interceptor, "grpc://")] : [];
    });
}

function mutualTls(interceptor: Cursor, endpoint: string): ConfigIssue[] {
  const tls = interceptor.get("tls");
  if (tls.node === undefined) {
    return interceptor.issueMissing("tls", 'required key "tls" is missing', `grpcs:// needs ${TLS_FILES.join(", ")}`);
  }
  if (tls.node.kind !== "map") return [];
  const issues = missingFiles(tls, "grpcs:// needs mutual TLS");
  const host = /^grpcs:\/\/(?:\[([^\]]*)\]|([^:/]*))/.exec(endpoint);
  if (!isIpAddress(host?.[1] ?? host?.[2] ?? "") || tls.get("server_name").node !== undefined) return issues;
  return [
    ...issues,
    ...tls.issueMissing(
      "server_name",
      'required key "server_name" is missing',
      "an IP address cannot be looked for in a certificate by name",
    ),
  ];
}

/** TLS over a unix socket is a choice; once made, it is mutual and names the service, for which the path says nothing. */
function tlsOverSocket(interceptor: Cursor): ConfigIssue[] {
  const tls = interceptor.get("tls");
  if (tls.node === undefined || tls.node.kind !== "map") return [];
  const issues = missingFiles(tls, "tls is mutual; leave the whole of it out for a plain unix socket");
  if (tls.get("server_name").node !== undefined) return issues;
  return [
    ...issues,
    ...tls.issueMissing("server_name", 'required key "server_name" is missing', "a path is no name in a certificate"),
  ];
}

const missingFiles = (tls: Cursor, hint: string): ConfigIssue[] =>
  TLS_FILES.filter((key) => tls.get(key).node === undefined).flatMap((key) =>
    tls.issueMissing(key, `required key "${key}" is missing`, hint),
  );

/** Keys that would be accepted and ignored; from defaults.interceptor they are meant for the others. */
const socketKeys = (interceptor: Cursor, scheme: string): ConfigIssue[] =>
  OF_SOCKETS.map((key) => interceptor.get(key))
    .filter(({ node }) => node !== undefined && !node.home.startsWith("/defaults/"))
    .flatMap((key) => key.issue(`has no effect with ${scheme}`, "it is for unix://"));

function insecure(interceptor: Cursor): ConfigIssue[] {
  const issues = interceptor.get("allow_insecure").isTrue()
    ? []
    : interceptor
        .get("endpoint")
        .issue("grpc:// is neither encrypted nor authenticated", "use grpcs://, or say allow_insecure: true");
  const tls = interceptor.get("tls");
  // from defaults.interceptor it is meant for the others
  const isOwn = tls.node !== undefined && !tls.node.home.startsWith("/defaults/");
  return isOwn ? [...issues, ...tls.issue("has no effect with grpc://")] : issues;
}
