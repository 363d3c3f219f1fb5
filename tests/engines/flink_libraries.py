"""What Flink needs, from the package registries, kept outside the tree: a job server from Maven's, the engine itself from Python's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

POM = Path(__file__).parent / "pom.xml"
FLINK = "apache-flink-libraries==1.19.0"
"""The whole distribution as a Python package; the version is that of the job server's runner."""
CACHE = Path(os.environ.get("ALBERT_ENGINES") or Path.home() / ".cache" / "albert-zh-engines")
INSTALL = "make test-engines installs it"


def job_server_jar() -> Path:
    """The job server, which starts with `java -jar`; its libraries lie beside it, in `lib/`."""
    return CACHE / "job-server" / "job-server.jar"


def flink_jars() -> Path:
    """The folder of the jars of a Flink distribution."""
    return CACHE / "flink" / "pyflink" / "lib"


def missing(*, cluster: bool = False) -> str | None:
    """Why there is no job server, or no cluster, here; None if there is."""
    if shutil.which("java") is None:
        return "no java on PATH: install Java 17"
    if not job_server_jar().exists():
        return f"no {job_server_jar()}: {INSTALL}"
    if cluster and not flink_jars().exists():
        return f"no {flink_jars()}: {INSTALL}"
    return None


def install() -> None:
    """Gets what is not there yet: half a gigabyte, a few minutes."""
    if not job_server_jar().exists():
        maven = shutil.which("mvn")
        if maven is None:
            raise SystemExit("no mvn on PATH: install Maven, or set ALBERT_ENGINES to a folder with job-server/job-server.jar")
        print(f"getting Beam's job server for Flink into {CACHE}", flush=True)
        target = CACHE / "job-server"
        subprocess.run([maven, "--quiet", "--batch-mode", "--file", POM, f"-Dtarget={target}", "package"], check=True)
    if not flink_jars().exists():
        print(f"getting {FLINK} into {CACHE}", flush=True)
        wanted = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-build-isolation",
            "--no-deps",
            f"--target={CACHE / 'flink'}",
            FLINK,
        ]
        subprocess.run(wanted, check=True)


if __name__ == "__main__":
    install()
