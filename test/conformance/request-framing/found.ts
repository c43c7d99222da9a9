/** What fuzzing found, kept. A character a byte. */
export const FOUND: readonly { readonly name: string; readonly bytes: string }[] = [
  {
    name: "a connection option in trailers ends the connection",
    bytes:
      "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nConnection: keep-alive, close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  },
  {
    name: "Proxy-Connection is taken for Connection",
    bytes: "DELETE / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  },
];
