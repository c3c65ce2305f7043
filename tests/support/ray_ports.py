"""The ports of a Ray cluster, and what they answer without the token."""

import http.client
from contextlib import suppress
from pathlib import Path

import grpc

_METHODS = (
    "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo",
    "/ray.rpc.NodeManagerService/GetSystemConfig",
    "/ray.rpc.ObjectManagerService/Push",
    "/ray.rpc.CoreWorkerService/PushTask",
    "/ray.rpc.RayletDriver/ClusterInfo",
)
"""One of each service: the head's, a node's two, a worker's or a driver's, and that of Ray Client."""
_LISTENS = "0A"


def listening_ports(process):
    """Return the TCP ports on which a process listens."""
    sockets, found = set(), set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTENS and inode in sockets:
                found.add(int(local.rpartition(":")[2], 16))
    return found


def refuses_strangers(host, port):
    """Whether the port answers a request without the token that the token is missing."""
    return any(_status(host, port, method) == grpc.StatusCode.UNAUTHENTICATED for method in _METHODS) or (
        _http_status(host, port) == http.HTTPStatus.UNAUTHORIZED
    )


def _status(host, port, method):
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        try:
            channel.unary_unary(method)(b"", timeout=10)
        except grpc.RpcError as refusal:
            return refusal.code()
    return grpc.StatusCode.OK


def _http_status(host, port):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    with suppress(OSError, http.client.HTTPException):
        connection.request("POST", "/get_or_create_runtime_env")
        return connection.getresponse().status
    return None
