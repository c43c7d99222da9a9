import { describe, expect, it } from "vitest";
import { type Caller, ClientNames } from "../../../interceptors-sdk/src/client-name.ts";

/** A call of whoever holds such a certificate. */
function caller(subjectaltname: string, connection?: object): Caller & { readonly looks: () => number } {
  let looks = 0;
  return {
    connection,
    alternativeNames: () => {
      looks += 1;
      return subjectaltname;
    },
    looks: () => looks,
  };
}

describe("ClientNames", () => {
  it("admits everybody the authority vouched for where no names are given", () => {
    expect(new ClientNames(undefined).admit(caller("DNS:any.test"))).toBe(true);
  });

  it("judges every call anew where the connection is not shown", () => {
    const names = new ClientNames(["gateway.test"]);
    const wrong = caller("DNS:other.test");
    expect([names.admit(wrong), names.admit(wrong), wrong.looks()]).toEqual([false, false, 2]);
    expect(names.admit(caller("DNS:gateway.test"))).toBe(true);
    expect(names.admit(wrong)).toBe(false);
  });

  it("judges a connection once and refuses each call of a wrong name on it", () => {
    const names = new ClientNames(["gateway.test"]);
    const wrong = caller("DNS:other.test", {});
    expect([names.admit(wrong), names.admit(wrong), wrong.looks()]).toEqual([false, false, 1]);
  });

  it("lets no connection profit from what another one was found to be", () => {
    const names = new ClientNames(["gateway.test"]);
    expect(names.admit(caller("DNS:gateway.test", {}))).toBe(true);
    expect(names.admit(caller("DNS:other.test", {}))).toBe(false);
  });
});
