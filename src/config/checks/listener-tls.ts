import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** Asking clients for certificates needs authorities to check them against, and authorities are for asking. */
export function checkListenerTls(config: Cursor): readonly ConfigIssue[] {
  return config
    .get("listeners")
    .items()
    .flatMap((listener) => {
      const tls = listener.get("tls");
      const clientCert = tls.get("client_cert");
      const asks = clientCert.text() === "optional" || clientCert.text() === "required";
      const authorities = tls.get("client_ca_file");
      if (asks && authorities.node === undefined)
        return clientCert.issue("client_ca_file is missing: client certificates could not be checked");
      if (!asks && authorities.node !== undefined)
        return authorities.issue("has no effect: client_cert is none", "client_cert: optional or required");
      return [];
    });
}
