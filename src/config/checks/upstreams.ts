import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** What the keys of one upstream say together: endpoints that are several, and a balance that looks at what they carry. */
export function checkUpstreams(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("upstreams")
    .entries()
    .flatMap(([, upstream]) => [
      ...listedTwice(upstream),
      ...checkWeights(upstream),
      ...checkHash(upstream),
      ...checkTls(upstream),
    ]);
}

const SCHEMES = ["http://", "https://"] as const;

function checkTls(upstream: Cursor): ConfigIssue[] {
  const urls = upstream
    .get("endpoints")
    .items()
    .map((endpoint) => urlOf(endpoint).text());
  const used = SCHEMES.filter((scheme) => urls.some((url) => url?.startsWith(scheme)));
  if (used.length > 1)
    return upstream.get("endpoints").issue(`${used.join(" and ")} are mixed`, "all endpoints of one upstream are of one kind");
  const tls = upstream.get("tls");
  if (tls.node === undefined) return [];
  // from defaults.upstream it is meant for the others
  if (used[0] === "http://") return tls.node.home.startsWith("/defaults/") ? [] : tls.issue("has no effect with http://");
  const [cert, key] = [tls.get("cert_file"), tls.get("key_file")];
  if ((cert.node === undefined) === (key.node === undefined)) return [];
  const missing = cert.node === undefined ? "cert_file" : "key_file";
  return tls.issueMissing(missing, `required key "${missing}" is missing`, "a certificate and its key only together");
}

const urlOf = (endpoint: Cursor): Cursor => (endpoint.node?.kind === "map" ? endpoint.get("url") : endpoint);

/** One counted twice would get twice the requests, and stand for a spare that is not there. */
function listedTwice(upstream: Cursor): ConfigIssue[] {
  const known = new Set<string>();
  return upstream
    .get("endpoints")
    .items()
    .map(urlOf)
    .flatMap((url) => {
      const text = url.text()?.toLowerCase().replace(/\/$/, "");
      if (text === undefined) return [];
      const isKnown = known.has(text);
      known.add(text);
      return isKnown ? url.issue("is listed twice", "use weight for a larger share") : [];
    });
}

function checkWeights(upstream: Cursor): ConfigIssue[] {
  const balance = upstream.get("balance");
  if (balance.node !== undefined && balance.text() !== "round-robin") return [];
  return upstream
    .get("endpoints")
    .items()
    .flatMap((endpoint) => endpoint.get("weight").issue("has no effect with balance: round-robin", "balance: weighted"));
}

function checkHash(upstream: Cursor): ConfigIssue[] {
  const [balance, hashBy] = [upstream.get("balance"), upstream.get("hash_by")];
  if (balance.text() === "hash" && hashBy.node === undefined)
    return upstream.issueMissing("hash_by", 'required key "hash_by" is missing', "balance: hash needs to know by what");
  // from defaults.upstream it is meant for the others
  const isOwn = hashBy.node !== undefined && !hashBy.node.home.startsWith("/defaults/");
  return balance.text() !== "hash" && isOwn ? hashBy.issue("has no effect without balance: hash") : [];
}
