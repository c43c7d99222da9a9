import { describe, expect, it } from "vitest";
import { planLines } from "../../../src/cli/plan-lines.ts";
import { configText, planOf, route, type Section } from "../../support/plan.ts";

const linesWith = async (cors: Section): Promise<string> =>
  planLines(await planOf(configText({ routes: [route("orders", { policies: { cors } })] }))).join("\n");

describe("a route that pages of other origins may use", () => {
  it("is shown with their origins, and whether they act for whoever is logged in", async () => {
    const origins = ["https://app.example.org", "https://*.example.org"];
    expect(await linesWith({ origins })).toContain("\n  pages of https://app.example.org https://*.example.org\n");
    expect(await linesWith({ origins: ["https://app.example.org"], credentials: true })).toContain(
      "\n  pages of https://app.example.org, with credentials\n",
    );
  });
});
