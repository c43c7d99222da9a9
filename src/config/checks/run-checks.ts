import type { ConfigIssue } from "../../model/config-issue.ts";
import { Cursor } from "../source/cursor.ts";
import type { ConfigNode } from "../source/config-node.ts";
import { checkAudiences } from "./audiences.ts";
import { checkAuthenticate } from "./authenticate.ts";
import { checkCors } from "./cors.ts";
import { checkCredentials } from "./credentials.ts";
import { checkEndpoints } from "./endpoints.ts";
import { checkFallbacks } from "./fallbacks.ts";
import { checkGrpcMatches } from "./grpc-matches.ts";
import { checkListenAddresses } from "./listen-addresses.ts";
import { checkListenerProtocols } from "./listener-protocols.ts";
import { checkListenerTls } from "./listener-tls.ts";
import { checkModes } from "./modes.ts";
import { checkReferences } from "./references.ts";
import { checkRouteTies } from "./route-ties.ts";
import { checkShadow } from "./shadow.ts";
import { checkTranscode } from "./transcode.ts";
import { checkUniqueNames } from "./unique-names.ts";
import { checkUpstreams } from "./upstreams.ts";
import { checkViewPointers } from "./view-pointers.ts";
import { checkWebSocketUpstreams } from "./websocket-upstreams.ts";

/** A rule that one place of a file alone cannot show. It sees the merged tree and tolerates whatever else is wrong with it. */
export type Check = (config: Cursor) => readonly ConfigIssue[];

const CHECKS: readonly Check[] = [
  checkUniqueNames,
  checkReferences,
  checkAuthenticate,
  checkGrpcMatches,
  checkRouteTies,
  checkListenAddresses,
  checkListenerTls,
  checkListenerProtocols,
  checkCredentials,
  checkEndpoints,
  checkAudiences,
  checkModes,
  checkShadow,
  checkFallbacks,
  checkUpstreams,
  checkTranscode,
  checkCors,
  checkWebSocketUpstreams,
  checkViewPointers,
];

/** Every issue of every check. */
export const runChecks = (root: ConfigNode): readonly ConfigIssue[] => CHECKS.flatMap((check) => check(new Cursor(root)));
