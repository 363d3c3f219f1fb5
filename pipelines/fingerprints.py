"""When a finished stage may be used again: inputs, configuration, our own sources and the libraries that decide bytes are the same."""

import ast
import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.manifest import package_versions

ROOT = Path(__file__).parents[1]  # where our packages lie side by side
OURS = ("albert_core", "corpora", "pipelines")


def fingerprint(config: Any, inputs: Any, entry: str) -> str:
    """SHA-256 over what decides a stage's output.

    Args:
      config: the stage's options, as a value that JSON can hold.
      inputs: what it reads, likewise.
      entry: the module that makes the stage; it and all of ours that it imports count.
    """
    parts = [config, inputs, source_digest(entry), package_versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def instances_fingerprint(parameters: dict[str, Any], documents: dict[str, Any], vocab_sha256: str) -> str:
    """The fingerprint of the shards that options make of documents, whose manifest is given."""
    weights = {source["name"]: source["weight"] for source in documents["sources"]}
    return fingerprint(parameters, [documents["fingerprint"], vocab_sha256, weights], "pipelines.instances")


@functools.cache  # sources do not change while a command runs; reading them takes a second
def source_digest(entry: str) -> str:
    """SHA-256 over the source files that a module is made of."""
    digest = hashlib.sha256()
    for path in own_sources(entry):
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def own_sources(entry: str) -> list[Path]:
    """The files of a module and of all our modules that it imports, directly or not, sorted: read from the imports, never out of date."""
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        path = _file_of(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return sorted(found)


def _file_of(name: str) -> Path | None:
    """The file of a dotted name in our packages: the module, or the module that holds the name."""
    package, _, rest = name.partition(".")
    if package not in OURS or not rest:
        return None
    path = ROOT / package / f"{rest.split('.')[0]}.py"
    return path if path.exists() else None


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(_imported_names(path))


def _imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
