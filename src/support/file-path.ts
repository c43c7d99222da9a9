import { dirname, isAbsolute, join } from "node:path";

/** `path` as seen from the folder of `file`; an absolute path stays. Never asks for the working directory. */
export const resolveBeside = (file: string, path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));
