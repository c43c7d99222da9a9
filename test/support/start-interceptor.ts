import { type GatewayProof, serve, type Interceptor, type RunningInterceptor } from "@sallyport/interceptors-sdk";
import { testCertificates } from "./certificates.ts";

/** An interceptor of our SDK, served over mTLS in this process. */
export interface TestInterceptor extends AsyncDisposable {
  readonly running: RunningInterceptor;
  readonly port: number;
}

/** Serves an interceptor on a free (or the given) loopback port; its certificate is for `localhost`. */
export async function startInterceptor(
  interceptor: Interceptor,
  port = 0,
  gateway: GatewayProof = { identity: "mtls" },
): Promise<TestInterceptor> {
  const certificates = await testCertificates();
  const { cert, key } = await certificates.server();
  const running = await serve(interceptor, {
    listen: `grpcs://127.0.0.1:${port}`,
    tls: gateway.identity === "jwt" ? { cert, key } : { ca: certificates.ca, cert, key },
    gateway,
    signals: false,
    log: () => {},
    drainMs: 500,
  });
  return { running, port: running.port, [Symbol.asyncDispose]: () => running.close() };
}

/** Files a gateway's configuration names to speak mTLS with the test interceptors. */
export async function gatewayFiles(): Promise<Readonly<Record<string, string>>> {
  const certificates = await testCertificates();
  const { cert, key } = await certificates.client();
  return { "ca.pem": certificates.ca, "gateway.pem": cert, "gateway.key": key };
}

/** The `tls:` value that goes with `gatewayFiles`, for a flow map. */
export const TLS = "{ ca_file: ca.pem, cert_file: gateway.pem, key_file: gateway.key, server_name: localhost }";
