import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderLines } from "../../../src/model/header-lines.ts";
import { withoutCredentials, withSubprotocols } from "../../../src/support/credential-subprotocols.ts";

const NAME = "sec-websocket-protocol";
const offering = (...lines: readonly string[]): HeaderLines =>
  HeaderLines.of(...lines.map((line) => ["Sec-WebSocket-Protocol", line] as const));

describe("subprotocols that are credentials", () => {
  it.each([
    [["realtime, key.abc, v1"], ["realtime, v1"], ["key.abc"]],
    [["realtime", "KEY.abc", "v1,Key.x"], ["realtime, v1"], ["KEY.abc", "Key.x"]],
    [["key."], [], ["key."]],
    [["key.abc"], [], ["key.abc"]],
    [["token.x"], [], ["token.x"]],
  ])("are taken out of %j", (lines, kept, credentialSubprotocols) => {
    const found = withoutCredentials(offering(...lines), ["key.", "token."]);
    expect(found?.headers.lines(NAME)).toEqual(kept);
    expect(found?.credentialSubprotocols).toEqual(credentialSubprotocols);
  });

  it.each([[["realtime,v1"]], [["xkey.a", "ke"]], [[]]])("leave %j as it came where there are none", (lines) => {
    const headers = offering(...lines);
    expect(withoutCredentials(headers, ["key."])).toEqual({ headers });
  });

  it.each(["a b key.secret", "a,,key.x", 'a, "key.x"', "key.caf\xe9"])(
    "cannot be told in %j, which is no list of tokens",
    (line) => {
      expect(withoutCredentials(offering(line), ["key."])).toBeUndefined();
      expect(withoutCredentials(offering(line), [])?.headers.lines(NAME)).toEqual([line]);
    },
  );

  it("stand in no line that is left, and go back behind the others", () => {
    const token = fc.stringMatching(/^[A-Za-z0-9.-]{1,8}$/);
    const members = fc.array(
      fc.oneof(
        token,
        token.map((text) => `Key.${text}`),
      ),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(members, (offered) => {
        const found = withoutCredentials(offering(offered.join(",")), ["key."]);
        const kept = found?.headers.lines(NAME).join(",") ?? "";
        expect(kept.toLowerCase()).not.toMatch(/(^|,) *key\./);
        const again = withSubprotocols(found?.headers ?? HeaderLines.EMPTY, found?.credentialSubprotocols);
        expect(
          again
            .lines(NAME)
            .flatMap((line) => line.split(/, ?/))
            .toSorted(),
        ).toEqual(offered.toSorted());
      }),
    );
  });
});
