import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** No address is listened on twice; port 0 is always a free one. Built-in addresses count where the file gives none. */
export function checkListenAddresses(config: Cursor): readonly ConfigIssue[] {
  const admin = config.get("admin").get("address");
  const status = config.get("status");
  const builtIn = new Set<string>();
  if (admin.node === undefined) builtIn.add("127.0.0.1:9080");
  if (status.node !== undefined && status.get("address").node === undefined) builtIn.add("127.0.0.1:9081");
  const listeners = config
    .get("listeners")
    .items()
    .map((listener) => listener.get("address"));
  const seen = new Set<string>();
  return [...listeners, admin, status.get("address")].flatMap((address) => {
    const text = address.text()?.toLowerCase();
    if (text === undefined || text.endsWith(":0")) return [];
    if (builtIn.has(text)) return address.issue("the admin or status listener has this address unless the file moves it");
    if (seen.has(text)) return address.issue("something else listens on this address already");
    seen.add(text);
    return [];
  });
}
