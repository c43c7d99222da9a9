import { describe, expect, it } from "vitest";
import { restartWarnings } from "../../../src/app/restart-warnings.ts";
import { configOf, minimal } from "../../support/config-text.ts";

describe("what only a restart takes up", () => {
  it("is named by its place in the file, each once", async () => {
    const { config: running } = await configOf(minimal());
    const { config: loaded } =
      await configOf(`${minimal().replace("name: public, address: 127.0.0.1:8080", "name: public, address: 127.0.0.1:8081")}
admin: { address: 127.0.0.1:9999 }
log: { level: debug, reviews: all }
`);
    expect(restartWarnings(running, loaded)).toEqual([
      "a change of /admin takes effect after a restart",
      "a change of /log/level takes effect after a restart",
    ]);
  });

  it("is nothing where only listeners, routes, upstreams or the volume of reviews differ", async () => {
    const { config: running } = await configOf(minimal());
    const { config: loaded } = await configOf(
      `${minimal().replace("/v1/orders/**", "/v2/orders/**").replace(":9000", ":9001").replace("127.0.0.1:8080", "127.0.0.1:8081")}log: { reviews: all }\n`,
    );
    expect(restartWarnings(running, loaded)).toEqual([]);
  });
});
