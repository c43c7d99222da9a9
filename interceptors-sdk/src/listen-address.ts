/** Where to listen. */
export interface ListenAddress {
  readonly scheme: "grpcs" | "grpc";
  /** IPv6 in brackets. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** Reads `grpcs://host:port` or `grpc://host:port`; throws a TypeError for anything else. */
export function listenAddress(text: string): ListenAddress {
  const [, scheme, host, digits] = /^(grpcs?):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host !== undefined && (scheme === "grpcs" || scheme === "grpc") && port <= 65_535) return { scheme, host, port };
  throw new TypeError("serve: listen is grpcs://host:port, or grpc://host:port with allowInsecure");
}
