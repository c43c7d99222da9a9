import { defaultAudience } from "../../model/gateway-token.ts";
import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** A token for one interceptor must be no token for another: audiences, built-in ones included, are taken once (C38). */
export function checkAudiences(config: Cursor): readonly ConfigIssue[] {
  const taken = new Map<string, string>();
  return config
    .get("interceptors")
    .items()
    .flatMap((interceptor) => {
      const name = interceptor.get("name").text();
      const own = interceptor.get("audience");
      const audience = own.text() ?? (name === undefined ? undefined : defaultAudience(name));
      if (name === undefined || audience === undefined) return [];
      const owner = taken.get(audience);
      taken.set(audience, owner ?? name);
      // two interceptors of one name are an issue already
      if (owner === undefined || owner === name) return [];
      const place = own.node === undefined ? interceptor.get("name") : own;
      return place.issue("another interceptor has this audience", "a token for one would be good for both");
    });
}
