/** The version of Node this process runs on, as Node writes it: `v26.10.0`. */
export const runtimeVersion = (): string => process.version;
