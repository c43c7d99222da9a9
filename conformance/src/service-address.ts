import { err, ok, type Result } from "@sallyport/contract/result.ts";

/** Where the service listens. */
export interface ServiceAddress {
  /** `grpcs` is TLS; `grpc` is in the clear, for development. */
  readonly scheme: "grpcs" | "grpc";
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `grpcs://host:port` or `grpc://host:port`. */
export function serviceAddress(text: string): Result<ServiceAddress> {
  const [, scheme, bracketed, plain, digits] =
    /^(grpcs?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || (scheme !== "grpcs" && scheme !== "grpc") || port < 1 || port > 65_535) {
    return err(`"${text}" is no address: grpcs://host:port, or grpc://host:port with --allow-insecure`);
  }
  return ok({ scheme, host, port });
}

/** The address as it is written. */
export const formatAddress = ({ scheme, host, port }: ServiceAddress): string =>
  `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
