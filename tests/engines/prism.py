"""Prism, Beam's portable local runner, as a program: found, or built from its Go module."""

import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

MODULE = "github.com/apache/beam/sdks/v2/go/cmd/prism"
BUILD_SECONDS = 600


def find_prism() -> str | None:
    """The program's path; None where it cannot be had."""
    found = os.environ.get("PRISM") or shutil.which("prism")
    if found:
        return found
    go = shutil.which("go")
    if go is None:
        return None
    root = subprocess.run([go, "env", "GOPATH"], capture_output=True, text=True, check=True).stdout.strip()
    program = Path(root, "bin", "prism")
    if not program.exists():
        module = f"{MODULE}@v{metadata.version('apache-beam')}"
        if subprocess.run([go, "install", module], capture_output=True, timeout=BUILD_SECONDS).returncode:
            return None
    return str(program)
