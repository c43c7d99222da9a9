import { http1Endpoints } from "../../src/adapters/upstream/http1/http1-endpoints.ts";
import { undiciEndpoints } from "../../src/adapters/upstream/undici-endpoints.ts";
import { opening } from "../support/upstream.ts";
import { upstreamContract } from "./upstream.contract.ts";

upstreamContract("undiciEndpoints", opening(undiciEndpoints));
upstreamContract("http1Endpoints", opening(http1Endpoints));
