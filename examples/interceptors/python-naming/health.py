"""grpc.health.v1 for a server that is SERVING until it is told to stop."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "gen"))
import grpc
import health_pb2 as pb
import health_pb2_grpc

KNOWN = ("", "sallyport.interceptor.v1.Interceptor")


class Health(health_pb2_grpc.HealthServicer):
    def __init__(self, stopping):
        self.stopping = stopping

    def status(self, service):
        response = pb.HealthCheckResponse
        if service not in KNOWN:
            return response(status=response.SERVICE_UNKNOWN)
        return response(status=response.NOT_SERVING if self.stopping.is_set() else response.SERVING)

    async def Check(self, request, context):
        if request.service not in KNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here")
        return self.status(request.service)

    async def Watch(self, request, context):
        yield self.status(request.service)
        await self.stopping.wait()
        yield self.status(request.service)
