"""A stand-in for Google's object store: the emulator as a process of its own on loopback, its objects in memory."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

BUCKET = "corpus-bucket"
START_SECONDS = 60


def find_emulator() -> str | None:
    """The program's path; None where the package gcp-storage-emulator is not installed."""
    beside = Path(sys.executable).with_name("gcp-storage-emulator")
    return str(beside) if beside.exists() else shutil.which("gcp-storage-emulator")


@contextlib.contextmanager
def storage_emulator(program: str, bucket: str = BUCKET) -> Iterator[str]:
    """Starts it with an empty bucket and yields its address; whoever has it in `environment` sees gs:// there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--quiet", "--default-bucket", bucket]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(process, f"{address}/storage/v1/b/{bucket}")
        yield address
    finally:
        process.kill()
        process.wait()


def environment(address: str) -> dict[str, str]:
    """Variables that lead Google's client to the emulator, and away from the metadata server, for which it would wait."""
    return {"STORAGE_EMULATOR_HOST": address, "NO_GCE_CHECK": "true"}


@contextlib.contextmanager
def anonymous() -> Iterator[None]:
    """Beam in this process takes it as settled that there are no credentials: it would ask four times and wait half a minute."""
    from apache_beam.internal.gcp.auth import _Credentials

    before = _Credentials._credentials_init, _Credentials._credentials
    _Credentials._credentials_init, _Credentials._credentials = True, None
    try:
        yield
    finally:
        _Credentials._credentials_init, _Credentials._credentials = before


@contextlib.contextmanager
def emulated_storage(program: str) -> Iterator[str]:
    """The emulator for this process and those that it starts; yields the bucket, gs://NAME."""
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipelines import storage

    with storage_emulator(program) as address, anonymous():
        before = {name: os.environ.get(name) for name in environment(address)}
        os.environ.update(environment(address))
        storage.use_options(PipelineOptions([]))  # other clients than before
        try:
            yield f"gs://{BUCKET}"
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the emulator ended with exit code {process.returncode}"
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise TimeoutError(f"no answer from {url} within {START_SECONDS} s")
