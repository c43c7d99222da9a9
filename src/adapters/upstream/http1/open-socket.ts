import { connect, type LookupFunction, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { EndpointTls } from "../tls/endpoint-tls.ts";

/** Where a connection goes. */
interface Destination {
  readonly host: string;
  readonly port: number;
  readonly tls: EndpointTls | undefined;
  readonly lookup: LookupFunction | undefined;
  readonly connectMs: number;
}

const NEXT_ADDRESS_MS = 500;

/** Of several addresses the next is tried when one does not answer within this time: a quarter of what there is, half a second at most. */
export const nextAddressMs = (connectMs: number): number => Math.max(10, Math.min(NEXT_ADDRESS_MS, Math.floor(connectMs / 4)));

/** Opens a connection; `onOpen`: it stands, and under TLS the other end has proved who it is. Until then nothing may be written. */
export function openSocket({ host, port, tls, lookup, connectMs }: Destination, onread: OnReadOpts, onOpen: () => void): Socket {
  const tries = {
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: nextAddressMs(connectMs),
  };
  const where = { host, port, ...(lookup === undefined ? {} : { lookup, ...tries }) };
  if (tls === undefined) return connect({ ...where, noDelay: true, onread }, onOpen);
  const { secureContext, sni, checkServerIdentity } = tls;
  const socket = connectTls(
    {
      ...where,
      ...{ secureContext, servername: sni, checkServerIdentity, rejectUnauthorized: true, ALPNProtocols: ["http/1.1"], onread },
    },
    onOpen,
  );
  socket.setNoDelay(true);
  return socket;
}
