/** What the SDK serves over; every test of sockets runs on each. */
export const TRANSPORTS = ["lean", "grpc-js"] as const;

/** One of them. */
export type Transport = (typeof TRANSPORTS)[number];
