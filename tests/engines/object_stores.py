"""Object stores on loopback, real servers both: Google's protocol (gcp-storage-emulator) and Amazon's (moto), objects in memory.

What the first lacks is added: conditions on the generation of an object, buckets that say no, and a count of the calls.

    python -m tests.engines.object_stores        starts both with a bucket each, and prints the variables that lead a shell to them
"""

import contextlib
import io
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlparse

import pytest

from tests.engines.storage_emulator import anonymous, environment

BUCKET = "corpora"
READ_ONLY, FORBIDDEN = "read-only", "forbidden"
"""Buckets of the Google server: what is in the one can be read, the other answers nobody."""
_REASONS = {403: "somebody@example.com does not have permission", 412: "a condition did not hold"}


class Store(NamedTuple):
    """A server with an empty bucket, for this process and those that it starts."""

    bucket: str
    """As a folder: `gs://corpora`."""
    environment: dict[str, str]
    calls: Counter[str]
    """Requests by what they did: read, stat, list, write, copy, delete."""

    @contextlib.contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """The calls of a block."""
        before, during = Counter(self.calls), Counter[str]()
        yield during
        during.update(Counter(self.calls) - before)


@contextlib.contextmanager
def google_storage() -> Iterator[Store]:
    """A server for gs://, and the variables of this process that lead to it."""
    emulator = pytest.importorskip("gcp_storage_emulator.server", reason="gcp-storage-emulator is not installed (extra dev)")
    from gcp_storage_emulator.handlers.buckets import create_bucket
    from gcp_storage_emulator.storage import Storage

    objects, calls, one = Storage(use_memory_fs=True), Counter[str](), threading.Lock()
    for bucket in (BUCKET, READ_ONLY, FORBIDDEN):
        create_bucket(bucket, objects)

    class Handler(emulator.RequestHandler):
        def __getattribute__(self, name: str) -> Any:
            if name.startswith("do_"):
                return partial(Handler.answer, self, name.removeprefix("do_"))
            return super().__getattribute__(name)

        def answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.rfile = io.BytesIO(body)
            with one:  # the emulator is made for one request at a time
                calls[kind := google_call(method, self.path)] += 1
                if status := refusal(kind, self.path, body):
                    answer = json.dumps({"error": {"code": status, "message": _REASONS[status]}}).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                else:
                    emulator.Router(self).handle(method)

    def refusal(kind: str, path: str, body: bytes) -> int:
        """The status of a request that is refused; 0 for one that is not."""
        address = urlparse(path)
        found = re.search(r"/b/([^/?]+)", address.path)
        bucket = found[1] if found else ""
        if bucket == FORBIDDEN or (bucket == READ_ONLY and kind in ("write", "copy", "delete")):
            return 403
        if parse_qs(address.query).get("ifGenerationMatch") == ["0"]:  # of an upload in one piece, which names its object in its first part
            name = re.search(rb'"name": "([^"]+)"', body)
            if name and name[1].decode() in objects.objects.get(bucket, {}):
                return 412
        return 0

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, objects))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    variables = environment(f"http://127.0.0.1:{server.server_port}")
    try:
        with _environment(variables), anonymous():
            yield Store(f"gs://{BUCKET}", variables, calls)
    finally:
        server.shutdown()
        server.server_close()


def google_call(method: str, path: str) -> str:
    """What a request does, in one word; the parts of a batch are counted as one request."""
    address = urlparse(path)
    if address.path.startswith("/batch"):
        return "batch"
    if method == "DELETE":
        return "delete"
    if method in ("POST", "PUT"):
        return "copy" if re.search("/(copyTo|rewriteTo)/", address.path) else "write"
    if "alt=media" in address.query or address.path.startswith("/download"):
        return "read"
    return "list" if address.path.endswith("/o") else "stat"


@contextlib.contextmanager
def amazon_storage() -> Iterator[Store]:
    """A server for s3://, and the variables of this process that lead to it."""
    pytest.importorskip("flask_cors", reason="moto's server is not installed (extra dev)")
    moto = pytest.importorskip("moto.server", reason="moto is not installed (extra dev)")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra aws)")
    from moto.moto_server import threaded_moto_server
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    calls = Counter[str]()

    class Handler(MotoRequestHandler):
        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            calls[amazon_call(self.command, self.path)] += 1

    threaded_moto_server.MotoRequestHandler = Handler
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    variables = {"AWS_ENDPOINT_URL": address, "AWS_EC2_METADATA_DISABLED": "true", **keys}
    try:
        with _environment(variables):
            boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
            calls.clear()
            yield Store(f"s3://{BUCKET}", variables, calls)
    finally:
        server.stop()
        threaded_moto_server.MotoRequestHandler = MotoRequestHandler


def amazon_call(method: str, path: str) -> str:
    """What a request does, in one word."""
    address = urlparse(path)
    if method == "POST":
        return "batch" if "delete" in address.query else "write"
    named = {"PUT": "write", "DELETE": "delete", "HEAD": "stat"}
    return named.get(method) or ("list" if address.path.count("/") < 2 or not address.path.split("/", 2)[2] else "read")


@pytest.fixture(scope="module")
def google() -> Iterator[Store]:
    with google_storage() as store:
        yield store


@pytest.fixture(scope="module")
def amazon() -> Iterator[Store]:
    with amazon_storage() as store:
        yield store


@pytest.fixture(scope="module", params=["gs", "s3"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Each of the two."""
    with google_storage() if request.param == "gs" else amazon_storage() as started:
        yield started


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipelines import storage

    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        storage.use_options(PipelineOptions([]))  # other clients than before
        yield


if __name__ == "__main__":
    with google_storage() as gs, amazon_storage() as s3:
        for name, value in {**gs.environment, **s3.environment}.items():
            print(f"export {name}={value}")
        print(f"# {gs.bucket}, gs://{READ_ONLY}, gs://{FORBIDDEN}, {s3.bucket}; Ctrl-C ends them", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(60)
