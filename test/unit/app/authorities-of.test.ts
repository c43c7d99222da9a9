import { describe, expect, it } from "vitest";
import { authoritiesOf, isAuthorityGone } from "../../../src/app/authorities-of.ts";
import { testCertificates } from "../../support/certificates.ts";

const { ca: one, other } = await testCertificates();
const two = other.ca;

describe("the authorities of a bundle", () => {
  it("are the same in whatever order, with comments, twice", () => {
    expect(authoritiesOf(`# the old one\n${one}\n${two}${one}`)).toBe(authoritiesOf(`${two}\r\n${one.replaceAll("\n", "\r\n")}`));
    expect(authoritiesOf(one)).not.toBe(authoritiesOf(two));
  });

  it("are none without a bundle, or in one that holds none", () => {
    expect([authoritiesOf(undefined), authoritiesOf(""), authoritiesOf("no PEM")]).toEqual(["", "", ""]);
  });

  it("say which was taken out, and not that one was added", () => {
    const [both, first] = [authoritiesOf(one + two), authoritiesOf(one)];
    expect([isAuthorityGone(both, first), isAuthorityGone(first, both), isAuthorityGone(both, both)]).toEqual([
      true,
      false,
      false,
    ]);
    expect([isAuthorityGone(first, authoritiesOf(two)), isAuthorityGone("", ""), isAuthorityGone("", first)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
