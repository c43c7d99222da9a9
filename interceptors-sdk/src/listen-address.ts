/** Where to listen. */
export type ListenAddress =
  | {
      readonly scheme: "grpcs" | "grpc";
      /** IPv6 in brackets. */
      readonly host: string;
      /** 0 takes a free one. */
      readonly port: number;
    }
  /** A socket of this machine; the path is absolute and taken literally. */
  | { readonly scheme: "unix"; readonly path: string };

/** Reads `grpcs://host:port`, `grpc://host:port` or `unix:///path`; throws a TypeError for anything else. */
export function listenAddress(text: string): ListenAddress {
  const [, path] = /^unix:\/\/(\/[^\u0000-\u001f\u007f%?#]+)$/u.exec(text) ?? [];
  if (path !== undefined) return { scheme: "unix", path };
  const [, scheme, host, digits] = /^(grpcs?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host !== undefined && (scheme === "grpcs" || scheme === "grpc") && port <= 65_535) return { scheme, host, port };
  throw new TypeError("serve: listen is grpcs://host:port, unix:///path, or grpc://host:port with allowInsecure");
}
