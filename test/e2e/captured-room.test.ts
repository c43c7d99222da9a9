import { expect, it } from "vitest";
import { RawClient } from "../support/raw-http.ts";
import { problemOf } from "./support/ask.ts";
import { openRoute } from "./support/configuration.ts";
import { house } from "./support/reviewed.ts";

const MIB = 1024 * 1024;

const SLOW = (bytes: number): string =>
  `POST /read/a HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n{"a":`;

it("refuses a body that finds no room beside those held for review, while other routes go on (C24)", async () => {
  await using place = await house(
    [
      {
        declares: { id: "read", phase: "pre-route", mode: "validate", needs: ["/request/body"], body: "json" },
        operator: { match: { routes: ["read"] }, max_body_bytes: "2MiB" },
      },
    ],
    { sections: { routes: [openRoute("read"), openRoute("free")], max_captured_bytes: "1MiB" } },
  );
  const posted = (path: string) =>
    place.send({ method: "POST", path, headers: [["Content-Type", "application/json"]], body: '{"a":1}' });
  expect((await posted("/read/a")).answer.status).toBe(200);
  using slow = await RawClient.connect(Number(new URL(place.gateway.url).port));
  // announced alone it holds little; with more than half of it here, all of it is taken
  slow.send(SLOW(MIB - 3));
  expect((await posted("/read/a")).answer.status).toBe(200);
  slow.send(`"${"x".repeat(600 * 1024)}`);
  await expect.poll(async () => (await posted("/read/a")).answer.status, { timeout: 5_000 }).toBe(503);
  const { answer, seen, line } = await posted("/read/a");
  expect(problemOf(answer)).toMatchObject({ code: "gateway_overloaded", retryable: true });
  expect(answer.headers["retry-after"]).toBe("1");
  expect(seen).toEqual([]);
  expect(line).toMatchObject({ outcome: "refused", decided_by: "capture" });
  expect((await posted("/free/a")).answer.status).toBe(200);
  slow.socket.destroy();
  await expect.poll(async () => (await posted("/read/a")).answer.status, { timeout: 5_000 }).toBe(200);
});
