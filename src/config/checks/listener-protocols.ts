import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** HTTP/2 is chosen in a TLS handshake or known beforehand, not both; whom to believe a PROXY header must be said, by address. */
export function checkListenerProtocols(config: Cursor): readonly ConfigIssue[] {
  const trusted = config.get("trusted_proxies").get("cidrs").items();
  return config
    .get("listeners")
    .items()
    .flatMap((listener) => [...protocolIssues(listener), ...socketIssues(listener, trusted.length > 0)]);
}

function protocolIssues(listener: Cursor): readonly ConfigIssue[] {
  const isSecure = listener.get("tls").node !== undefined;
  return listener
    .get("protocols")
    .items()
    .flatMap((protocol) => {
      if (protocol.text() === "http2" && !isSecure)
        return protocol.issue("http2 is HTTP/2 over TLS, and this listener has no tls", "h2c is HTTP/2 without it");
      if (protocol.text() === "h2c" && isSecure)
        return protocol.issue("h2c is HTTP/2 without TLS, and this listener has tls", "http2 is HTTP/2 over it");
      return [];
    });
}

function socketIssues(listener: Cursor, trustsProxies: boolean): readonly ConfigIssue[] {
  const isSocket = listener.get("address").text()?.startsWith("unix:") === true;
  const proxyProtocol = listener.get("proxy_protocol");
  const mode = listener.get("socket_mode");
  const misplaced = isSocket ? [] : mode.issue("has no effect: address is no unix: socket");
  if (!proxyProtocol.isTrue()) return misplaced;
  if (isSocket) return proxyProtocol.issue("who may send it is told by address, and a unix: socket has none");
  return trustsProxies
    ? misplaced
    : [...misplaced, ...proxyProtocol.issue("nobody could connect: trusted_proxies.cidrs is empty")];
}
