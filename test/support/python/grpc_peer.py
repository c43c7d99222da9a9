"""A gRPC peer of another implementation, for tests. Bytes go in and out as they are; it says what happens in lines of JSON.

`serve PORT` serves /t.T/Echo and /t.T/Hold; `call PORT` makes the calls that standard input asks for, a line of JSON each.
"""

import base64
import json
import sys
import threading
from concurrent import futures

import grpc

UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
saying = threading.Lock()


def say(**words):
    with saying:
        print(json.dumps(words), flush=True)


def serve(port):
    released = threading.Event()

    def echo(request, _context):
        return request

    def hold(request, context):
        over = threading.Event()
        context.add_callback(over.set)
        say(event="began", seconds=context.time_remaining())
        while not released.is_set():
            if over.wait(0.01):
                say(event="gave-up")
                return request
        return request

    methods = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in (("Echo", echo), ("Hold", hold))}
    server = grpc.server(futures.ThreadPoolExecutor(32), options=[*UNLIMITED, ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", methods),))
    say(event="listening", port=server.add_insecure_port(f"127.0.0.1:{port}"))
    server.start()
    for line in sys.stdin:
        command = line.strip()
        if command == "release":
            released.set()
        elif command == "drain":
            server.stop(20)
    server.stop(0).wait()


def call(port):
    options = [*UNLIMITED, ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)

    def tell(wish, message):
        def done(future):
            code = grpc.StatusCode.CANCELLED if future.cancelled() else future.code()
            answer = future.result() if code == grpc.StatusCode.OK else b""
            small = base64.b64encode(answer).decode() if len(answer) <= 4096 else None
            say(event="ended", id=wish["id"], code=code.value[0], bytes=len(answer), same=answer == message, message=small)

        return done

    for line in sys.stdin:
        wish = json.loads(line)
        message = base64.b64decode(wish["message"]) if "message" in wish else b"x" * wish["bytes"]
        future = channel.unary_unary(wish["method"]).future(message, timeout=wish["seconds"], wait_for_ready=wish["waits"])
        future.add_done_callback(tell(wish, message))
        if wish["cancelSeconds"] is not None:
            threading.Timer(wish["cancelSeconds"], future.cancel).start()
    channel.close()


{"serve": serve, "call": call}[sys.argv[1]](int(sys.argv[2]))
