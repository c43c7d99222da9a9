import { fileURLToPath } from "node:url";
import type { Child, Children } from "../measure/children.ts";

/** Starts `programs/<name>.ts` on the Node that runs the bench; it says `{"port":N}` when it listens, and `port` is that number. */
export async function startProgram(
  children: Children,
  name: string,
  args: readonly string[] = [],
): Promise<Child & { readonly port: number }> {
  const script = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const child = await children.start({
    name,
    command: process.execPath,
    args: [script, ...args],
    env: { NODE_ENV: "production" },
    readyLine: /^\{"port":(\d+)\}$/m,
  });
  return { ...child, port: Number(child.said) };
}
