import { binding, defineInterceptor, type Interceptor, InterceptorDefinitionError } from "@sallyport/interceptors-sdk";
import { review } from "@sallyport/interceptors-sdk/testing";
import { describe, expect, it } from "vitest";
// @ts-expect-error it is JavaScript on purpose
import * as untyped from "./plain-javascript.js";

// the fixture has no types, which is what is tested
const plain = untyped as Readonly<Record<string, Interceptor<"only">>>;
const answer = (name: string) => {
  const interceptor = plain[name];
  if (interceptor === undefined) throw new Error(`no fixture ${name}`);
  return review(interceptor, "only", { request: { path: "/secret", headers: { "x-tenant-id": "acme" } } });
};

describe("an interceptor in plain JavaScript", () => {
  it.each([
    ["reads an undeclared field", "readsUndeclared", /"only" reads \/request\/path.*add "\/request\/path" to its needs/],
    ["reads an undeclared header", "readsUndeclaredHeader", /\/request\/headers\/x-tenant-id.*add .* to its needs/],
    ["spells a header in upper case", "readsUpperCase", /header names are lower case.*"\/request\/headers\/x-tenant-id"/],
    ["reads the principal before authentication", "readsPrincipalEarly", /reads \/principal/],
    ["asks whether an undeclared field exists", "asksForUndeclared", /reads \/request\/path/],
    ["changes its view", "changesView", /a view is read-only.*allow\(\)/],
    ["writes outside its writes", "writesOutside", /writes: binding "only" changes \/request\/headers\/x-a/],
    ["patches as a validator", "validatorPatches", /mode: .*validate changes nothing.*\/labels\/tenant/],
    ["denies as an observer", "observerDenies", /mode: .*observe annotates only/],
    ["responds as a validator", "validatorResponds", /mode: respond takes mode: "mutate"/],
    ["responds after the upstream", "respondsLate", /mode: the upstream has answered/],
    ["returns nothing", "returnsNothing", /answer: review returned nothing/],
    ["returns true", "returnsTrue", /answer: review returned something else/],
    ["throws", "throwsSecret", /secret sk-123/],
  ])("fails its review, never allows, when it %s", async (_what, name, message) => {
    await expect(answer(name)).rejects.toThrow(message);
  });

  it("still denies when every detail of the denial is wrong", async () => {
    const { verdict } = await answer("deniesBadly");
    expect(verdict).toMatchObject({
      kind: "deny",
      status: 403,
      code: "review_denied",
      headers: [{ name: "retry-after", value: "3" }],
    });
  });

  it("still denies when the details cannot be read at all", async () => {
    expect((await answer("deniesWorse")).verdict).toMatchObject({ kind: "deny", status: 403 });
  });

  it.each(Object.keys(untyped.wrongDeclarations))("cannot be declared with %s", (name) => {
    expect(() => defineInterceptor(untyped.wrongDeclarations[name])).toThrow(InterceptorDefinitionError);
  });

  it.each(Object.keys(untyped.wrongBindings))("cannot declare a binding that is wrong about %s", (name) => {
    expect(() => untyped.one(undefined, { review: () => undefined, ...untyped.wrongBindings[name] })).toThrow(
      name.startsWith("/") ? /there is no/ : name === "authorization" ? /protected/ : name,
    );
  });

  it.each([undefined, "/request/path", [1]])("cannot declare %j as its needs", (needs) => {
    expect(() => untyped.one(() => undefined, { needs })).toThrow(/needs is a list of strings/);
  });

  it("lists everything that is wrong at once", () => {
    const wrong = { phase: "pre-auth", mode: "validate", needs: ["/tenant"], writes: ["/labels/a"], review: () => undefined };
    expect.assertions(1);
    try {
      defineInterceptor({ name: "", bindings: { "A!": binding(Object(wrong)) } });
    } catch (thrown) {
      expect(thrown).toMatchObject({
        issues: [
          expect.stringMatching(/^name: /),
          expect.stringMatching(/^bindings\/A!: the id /),
          expect.stringMatching(/^bindings\/A!: needs: \/tenant: /),
          expect.stringMatching(/^bindings\/A!: writes: /),
        ],
      });
    }
  });
});
