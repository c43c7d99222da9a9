import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowedOrigins } from "../../../../src/policies/cors/allowed-origins.ts";

/** Of which origins are made, and what could end one early. */
const ODD = ["a", "b", "0", "1", ".", "-", "_", ":", "/", "@", "#", "?", "\\", " ", "%", "*", "A"];

describe("an origin that is listed", () => {
  const isAllowed = allowedOrigins(["https://app.example.org", "http://localhost:5173", "https://*.shop.example:8443"]);

  it.each(["https://app.example.org", "http://localhost:5173", "https://eu.shop.example:8443", "https://a.b.shop.example:8443"])(
    "%s is allowed",
    (origin) => {
      expect(isAllowed(origin)).toBe(true);
    },
  );

  it.each([
    ...["http://app.example.org", "https://app.example.org:444", "https://app.example.org/", "HTTPS://app.example.org"],
    ...["https://app.example.org.evil.test", "https://evil.test/https://app.example.org", "https://xapp.example.org"],
    ...["http://localhost", "http://localhost:51730", "https://sub.app.example.org"],
    ...["null", "", "*", "https://app.example.org, https://app.example.org"],
  ])("%s is another", (origin) => {
    expect(isAllowed(origin)).toBe(false);
  });

  it.each([
    ...["https://shop.example:8443", "https://.shop.example:8443", "https://evilshop.example:8443", "https://eu.shop.example"],
    ...["https://eu.shop.example:8443.evil.test", "https://evil.test/.shop.example:8443", "https://evil.test#.shop.example:8443"],
    ...["https://evil.test?.shop.example:8443", "https://user@.shop.example:8443", "https://evil.test:1.shop.example:8443"],
    ...["https://a..shop.example:8443", "https://evil.test\\.shop.example:8443", "https://%2e.shop.example:8443"],
    ...["https://EU.shop.example:8443", "http://eu.shop.example:8443", "https://*.shop.example:8443"],
  ])("%s is not below https://*.shop.example:8443", (origin) => {
    expect(isAllowed(origin)).toBe(false);
  });

  it("below a name is what a URL parser finds below it, whatever is put in front", () => {
    const isBelow = allowedOrigins(["https://*.shop.example"]);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...ODD), maxLength: 8 }), (front) => {
        const origin = `https://${front}.shop.example`;
        if (!isBelow(origin)) return;
        const url = new URL(origin);
        expect([url.origin, url.hostname.endsWith(".shop.example")]).toEqual([origin, true]);
      }),
    );
  });
});

describe("any origin", () => {
  it.each(["https://anything.test", "null", "file://"])("%s is allowed by *", (origin) => {
    expect(allowedOrigins(["*"])(origin)).toBe(true);
  });
});
