"""A naming policy as a Sallyport interceptor, in Python and without the SDK. RFC.md is the contract.

python3 naming.py --listen 127.0.0.1:7446 --ca ca.pem --cert naming.pem --key naming.key
"""
import argparse
import asyncio
import json
import re
import signal
import sys
from collections import OrderedDict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "gen"))
import grpc
from health import Health
from health_pb2_grpc import add_HealthServicer_to_server
from sallyport.interceptor.v1 import interceptor_pb2 as pb
from sallyport.interceptor.v1 import interceptor_pb2_grpc as rpc

SHARED = dict(phase=pb.PHASE_PRE_ROUTE, selector=pb.Selector(methods=["POST", "PUT"]), needs=["/request/body"],
              body=pb.BODY_FORMAT_JSON, idempotent=True, fail_closed=True)
MANIFEST = pb.Manifest(name="python-naming", version="1.0.0", state_scope=pb.STATE_SCOPE_NONE, bindings=[
    pb.BindingDeclaration(id="tidy-name", mode=pb.MODE_MUTATE, writes=["/request/body/name"], **SHARED),
    pb.BindingDeclaration(id="check-name", mode=pb.MODE_VALIDATE, **SHARED),
])
DEFAULT_PATTERN = re.compile("[a-z][a-z0-9-]{2,62}")
MAX_CONFIGS = 64


def name_in(request):
    """The name a request gives; None where it gives none that is text."""
    body = json.loads(request.view.request.body.json or "null")  # the gateway shows strict JSON, or no body
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def tidy_name(request, _pattern):
    name = name_in(request)
    tidy = None if name is None else name.strip().lower()
    verdict = pb.Verdict(review_id=request.review_id, allow=pb.Allow())
    if tidy != name and request.mode == pb.MODE_MUTATE:  # the operator may have granted less
        verdict.patches.add(op=pb.PATCH_OP_REPLACE, path="/request/body/name", value_json=json.dumps(tidy))
    return verdict


def check_name(request, pattern):
    name = name_in(request)
    if name is not None and len(name) <= 256 and pattern.fullmatch(name):
        return pb.Verdict(review_id=request.review_id, allow=pb.Allow())
    message = f"name must match {pattern.pattern[:256]}"
    deny = pb.Deny(http_status=422, code="bad_name", message=message, body_json='{"pointer":"/name"}')
    return pb.Verdict(review_id=request.review_id, deny=deny)


REVIEWS = {("tidy-name", pb.PHASE_PRE_ROUTE): tidy_name, ("check-name", pb.PHASE_PRE_ROUTE): check_name}


class Interceptor(rpc.InterceptorServicer):
    def __init__(self):
        # by digest, so that several gateways, or two generations of one, are judged each by its own; "": no config
        self.patterns = OrderedDict({"": DEFAULT_PATTERN})

    async def Describe(self, request, context):
        for binding in request.bindings:
            if binding.config_digest:
                try:
                    pattern = re.compile(json.loads(binding.config_json)["pattern"])
                except (ValueError, LookupError, TypeError, re.error):
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, 'expected {"pattern": "<regular expression>"}')
                self.patterns[binding.config_digest] = pattern
                self.patterns.move_to_end(binding.config_digest)
        self.patterns.move_to_end("")
        while len(self.patterns) > MAX_CONFIGS:
            self.patterns.popitem(last=False)
        return MANIFEST

    async def Review(self, request, context):
        review = REVIEWS.get((request.binding_id, request.phase))
        if review is None:  # never an allow
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such binding at this phase")
        pattern = self.patterns.get(request.config_digest)
        if pattern is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "this config was not described here")
        return review(request, pattern)

    async def Watch(self, request, context):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "nothing changes here")


OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # the gateway pings every 10 s, also without calls; gRPC takes that for an attack unless told otherwise
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
]


async def serve(listen, ca, cert, key):
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = grpc.aio.server(options=OPTIONS)
    rpc.add_InterceptorServicer_to_server(Interceptor(), server)
    add_HealthServicer_to_server(Health(stopping), server)
    ca_pem, cert_pem, key_pem = (Path(path).read_bytes() for path in (ca, cert, key))
    credentials = grpc.ssl_server_credentials([(key_pem, cert_pem)], ca_pem, require_client_auth=True)
    port = server.add_secure_port(listen, credentials)
    await server.start()
    address = f"grpcs://{listen.rpartition(':')[0]}:{port}"
    print(json.dumps({"message": "listening", "address": address}), flush=True)
    await stopping.wait()
    await asyncio.sleep(1)  # health says so already; a stop at once would cancel calls that wait to be taken up
    await server.stop(grace=10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--listen", "--ca", "--cert", "--key"):
        parser.add_argument(flag, required=True)
    asyncio.run(serve(**vars(parser.parse_args())))
