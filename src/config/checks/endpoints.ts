import type { ConfigIssue } from "../../model/config-issue.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { Cursor } from "../source/cursor.ts";

const TLS_FILES = ["ca_file", "cert_file", "key_file"] as const;

/** How the gateway and an interceptor know each other: mutual TLS in full, or an explicit word that neither does. */
export function checkEndpoints(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const endpoint = interceptor.get("endpoint").text() ?? "";
      if (endpoint.startsWith("grpcs://")) return mutualTls(interceptor, endpoint);
      return endpoint.startsWith("grpc://") ? insecure(interceptor) : [];
    });
}

function mutualTls(interceptor: Cursor, endpoint: string): ConfigIssue[] {
  const tls = interceptor.get("tls");
  if (tls.node === undefined) {
    return interceptor.issueMissing("tls", 'required key "tls" is missing', `grpcs:// needs ${TLS_FILES.join(", ")}`);
  }
  if (tls.node.kind !== "map") return [];
  const missing = TLS_FILES.filter((key) => tls.get(key).node === undefined);
  const issues = missing.flatMap((key) => tls.issueMissing(key, `required key "${key}" is missing`, "grpcs:// needs mutual TLS"));
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
