import { describe, expect, it } from "vitest";
import { revoke } from "../../../src/admin/routes/revoke.ts";
import { FakeAdminFacts } from "../../support/admin-facts.ts";

async function post(body: string): Promise<{ status: number; body: unknown; revokes: readonly unknown[] }> {
  const facts = new FakeAdminFacts();
  const answer = await revoke(facts.verdicts).answer({ query: {}, body });
  return { status: answer.status, body: JSON.parse(answer.body), revokes: facts.revokes };
}

describe("/admin/revoke", () => {
  it("answers how many verdicts were forgotten, each tag named once", async () => {
    expect(await post('{"interceptor":"tenancy","tags":["a","b","a"]}')).toEqual({
      status: 200,
      body: { interceptor: "tenancy", tags: ["a", "b"], forgotten: 2 },
      revokes: [["a", "b"]],
    });
  });

  it("answers 404 for an interceptor that does not exist", async () => {
    expect(await post('{"interceptor":"nobody","tags":["a"]}')).toMatchObject({ status: 404, body: { code: "route_not_found" } });
  });

  it.each([
    ["nothing", ""],
    ["what is not JSON", "{"],
    ["what is not an object", "null"],
    ["a list", "[]"],
    ["no tags", '{"interceptor":"tenancy"}'],
    ["no interceptor", '{"tags":["a"]}'],
    ["a name that is none", '{"interceptor":1,"tags":["a"]}'],
    ["an empty list of tags", '{"interceptor":"tenancy","tags":[]}'],
    ["tags that are no list", '{"interceptor":"tenancy","tags":"a"}'],
    ["a tag that is no text", '{"interceptor":"tenancy","tags":[1]}'],
    ["an empty tag", '{"interceptor":"tenancy","tags":[""]}'],
    ["a tag of 257 bytes", JSON.stringify({ interceptor: "tenancy", tags: ["x".repeat(257)] })],
    ["1025 tags", JSON.stringify({ interceptor: "tenancy", tags: Array.from({ length: 1025 }, (_, index) => `t${index}`) })],
    ["a member that is unknown", '{"interceptor":"tenancy","tags":["a"],"all":true}'],
  ])("answers 400 for %s, and revokes nothing", async (_what, body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { code: "bad_request" }, revokes: [] });
  });
});
