"""A server on loopback that answers each path with a status and JSON: Google's services and registries, as far as they are asked."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlparse


class Request(NamedTuple):
    """What was asked, and as whom."""

    path: str
    authorization: str | None


class JsonServer(NamedTuple):
    """The server while it runs."""

    address: str
    """`localhost:PORT`."""
    requests: list[Request]


@contextlib.contextmanager
def json_server(answers: Mapping[str, tuple[int, Any]]) -> Iterator[JsonServer]:
    """Answers the paths that are given, others with 404."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlparse(self.path).path
            requests.append(Request(path, self.headers.get("Authorization")))
            status, value = answers.get(path, (404, {"error": {"code": 404, "message": "not found"}}))
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing on standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield JsonServer(f"localhost:{server.server_port}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def worker_registry(labels: Mapping[str, str] | None, *, index: bool = False) -> dict[str, tuple[int, Any]]:
    """What a registry answers for the image `albert-zh/worker:1`; `index`: as one that `docker buildx` pushed, with an attestation."""
    root = "/v2/albert-zh/worker"
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:c0"}, "layers": []}
    answers: dict[str, tuple[int, Any]] = {f"{root}/blobs/sha256:c0": (200, {"os": "linux", "config": {"Labels": labels}})}
    if not index:
        return answers | {f"{root}/manifests/1": (200, manifest)}
    entries = [
        {"digest": "sha256:a0", "platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": "sha256:b0", "platform": {"os": "linux", "architecture": "amd64"}},
    ]
    return answers | {f"{root}/manifests/1": (200, {"manifests": entries}), f"{root}/manifests/sha256:b0": (200, manifest)}
