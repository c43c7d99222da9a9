import type { AdminAnswer } from "../ports/admin-route.ts";

export const JSON_TYPE = "application/json";

/** An answer with a JSON body, indented: people read these with curl. */
export const jsonAnswer = (status: number, value: unknown): AdminAnswer => ({
  status,
  contentType: JSON_TYPE,
  body: `${JSON.stringify(value, undefined, 2)}\n`,
});
