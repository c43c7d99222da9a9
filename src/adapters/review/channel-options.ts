import type { ChannelOptions } from "@grpc/grpc-js";

/** What every channel to an interceptor has of the client library's options. */
export const CHANNEL_OPTIONS: ChannelOptions = {
  // by default equal-looking clients share connections, and one that trusts another peer skips its own check
  "grpc.use_local_subchannel_pool": 1,
  // retries are ours to decide (C6): the library's would send the same attempt twice
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // HTTP_PROXY of the environment is for others
  "grpc.enable_http_proxy": 0,
  "grpc.enable_channelz": 0,
  // servers in Go and C++ hang up on whoever pings more often than every five minutes, or without a call; a peer that is gone is
  // noticed by the kernel's keepalive, and under load by the breaker, which connects anew when it opens
  "grpc.keepalive_time_ms": 310_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 0,
  // a service that restarts is back within two seconds of its listening
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.dns_min_time_between_resolutions_ms": 1_000,
  // views may be larger than the library's idea of a message; what is sent was limited when it was captured
  "grpc.max_send_message_length": -1,
};
