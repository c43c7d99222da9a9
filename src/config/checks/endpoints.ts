import type { ConfigIssue } from "../../model/config-issue.ts";
import { isIpAddress } from "../../support/ip-address.ts";
import type { Cursor } from "../source/cursor.ts";

const TLS_FILES = ["ca_file", "cert_file", "key_file"] as const;

const OF_SOCKETS = ["trusted_uids", "trusted_gids", "peer_credentials"] as const;

const SCHEMES = ["grpcs://", "unix://", "grpc://"] as const;

/** How the gateway and an interceptor know each other: mutual TLS in full, a socket of this machine, or an explicit word that neither does. */
export function checkEndpoints(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const places = placesOf(interceptor);
      const used = SCHEMES.filter((scheme) => places.some((place) => place.text()?.startsWith(scheme)));
      return [
        ...oneKey(interceptor),
        ...twice(places),
        ...(used.length > 1
          ? interceptor
              .get("endpoints")
              .issue(`${used.join(" and ")} are mixed`, "all endpoints of one interceptor are of one kind")
          : used.flatMap((scheme) => CHECKS[scheme](interceptor, places))),
      ];
    });
}

/** Where it is said to listen: the one, or each of the several. */
const placesOf = (interceptor: Cursor): readonly Cursor[] => {
  const one = interceptor.get("endpoint");
  return one.node === undefined ? interceptor.get("endpoints").items() : [one];
};

function oneKey(interceptor: Cursor): ConfigIssue[] {
  const several = interceptor.get("endpoints");
  if (interceptor.get("endpoint").node !== undefined)
    return several.issue("endpoint and endpoints are both given", "use endpoints for all of them");
  if (several.node !== undefined) return [];
  return interceptor.issueMissing("endpoint", 'required key "endpoint" is missing', "or endpoints, for several");
}

/** One endpoint counted twice would get twice the reviews, and stand for a spare that is not there. */
function twice(places: readonly Cursor[]): ConfigIssue[] {
  const known = new Set<string>();
  return places.flatMap((place) => {
    const written = place.text();
    const text = written?.startsWith("unix:") ? written : written?.toLowerCase();
    if (text === undefined) return [];
    const isKnown = known.has(text);
    known.add(text);
    return isKnown ? place.issue("is listed twice") : [];
  });
}

type Check = (interceptor: Cursor, places: readonly Cursor[]) => ConfigIssue[];

const CHECKS: Readonly<Record<(typeof SCHEMES)[number], Check>> = {
  "grpcs://": (interceptor, places) => [...mutualTls(interceptor, places), ...socketKeys(interceptor, "grpcs://")],
  "unix://": (interceptor) => tlsOverSocket(interceptor),
  "grpc://": (interceptor, places) => [...insecure(interceptor, places), ...socketKeys(interceptor, "grpc://")],
};

function mutualTls(interceptor: Cursor, places: readonly Cursor[]): ConfigIssue[] {
  const tls = interceptor.get("tls");
  if (tls.node === undefined) {
    return interceptor.issueMissing("tls", 'required key "tls" is missing', `grpcs:// needs ${TLS_FILES.join(", ")}`);
  }
  if (tls.node.kind !== "map") return [];
  const issues = missingFiles(tls, "grpcs:// needs mutual TLS");
  if (!places.some(isAtAddress) || tls.get("server_name").node !== undefined) return issues;
  return [
    ...issues,
    ...tls.issueMissing(
      "server_name",
      'required key "server_name" is missing',
      "an IP address cannot be looked for in a certificate by name",
    ),
  ];
}

function isAtAddress(place: Cursor): boolean {
  const host = /^grpcs:\/\/(?:\[([^\]]*)\]|([^:/]*))/.exec(place.text() ?? "");
  return isIpAddress(host?.[1] ?? host?.[2] ?? "");
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

function insecure(interceptor: Cursor, places: readonly Cursor[]): ConfigIssue[] {
  const issues = interceptor.get("allow_insecure").isTrue()
    ? []
    : places.flatMap((place) =>
        place.issue("grpc:// is neither encrypted nor authenticated", "use grpcs://, or say allow_insecure: true"),
      );
  const tls = interceptor.get("tls");
  // from defaults.interceptor it is meant for the others
  const isOwn = tls.node !== undefined && !tls.node.home.startsWith("/defaults/");
  return isOwn ? [...issues, ...tls.issue("has no effect with grpc://")] : issues;
}
