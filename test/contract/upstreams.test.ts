import { http1Upstream } from "../../src/adapters/upstream/http1/http1-upstream.ts";
import { httpUpstream } from "../../src/adapters/upstream/http-upstream.ts";
import { opening } from "../support/upstream.ts";
import { upstreamContract } from "./upstream.contract.ts";

upstreamContract("httpUpstream", opening(httpUpstream));
upstreamContract("http1Upstream", opening(http1Upstream));
