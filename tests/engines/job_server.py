"""A job server that takes Beam jobs, for a Flink inside it or for a cluster: `--runner=PortableRunner --job_endpoint=…`."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.engines.flink_libraries import job_server_jar
from tests.engines.processes import HOST, free_port, program

EMBEDDED = "[local]"


@contextlib.contextmanager
def job_server(folder: Path, *, master: str = EMBEDDED, java: Sequence[str] = (), conf: Path | None = None) -> Iterator[str]:
    """The address of a running job server.

    Args:
      folder: for its log and what is staged.
      master: the cluster's address; by default a Flink in the same JVM.
      java: options of the JVM, such as -Xmx1g.
      conf: a folder with Flink's config.yaml.
    """
    port = free_port()
    command: list[object] = [
        "java",
        "-XX:+ExitOnOutOfMemoryError",
        *java,
        "-jar",
        job_server_jar(),
        f"--job-host={HOST}",
        f"--job-port={port}",
    ]
    command += ["--artifact-port=0", "--expansion-port=0", f"--artifacts-dir={folder / 'staged'}", f"--flink-master={master}"]
    command += [f"--flink-conf-dir={conf}"] if conf else []
    with program(command, folder / "job-server.log", port=port):
        yield f"{HOST}:{port}"
