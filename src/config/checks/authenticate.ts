import type { ConfigIssue } from "../../model/config-issue.ts";
import type { Cursor } from "../source/cursor.ts";

/** `anonymous` is built in, and behind it nobody is asked any more. */
export function checkAuthenticate(config: Cursor): readonly ConfigIssue[] {
  const taken = config.get("authenticators").get("anonymous").issue("anonymous is built in: expected another name");
  const early = config
    .get("routes")
    .items()
    .flatMap((route) =>
      route
        .get("authenticate")
        .items()
        .slice(0, -1)
        .flatMap((item) => {
          return item.text() === "anonymous"
            ? item.issue("anonymous can only be the last authenticator: those behind it would never be asked")
            : [];
        }),
    );
  return [...taken, ...early];
}
