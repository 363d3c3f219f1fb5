"""Dockerfiles read, and their steps run without Docker: COPY into a folder that stands for the image, RUN in a fresh virtual environment.

What differs from a real build: the base image is this machine's Python, what `COPY --from` takes from another image is absent, and
absolute paths inside RUN would be this machine's (a step that has one is refused).
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker"


class Step(NamedTuple):
    """An instruction and its words: `COPY`, `a b`."""

    name: str
    words: str


def read_steps(path: Path) -> list[Step]:
    """The instructions of a Dockerfile, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [Step(name, " ".join(words.split())) for name, _, words in (line.partition(" ") for line in lines)]


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps a path of the checkout out of the images: the last pattern that fits it or a folder of it decides."""
    parts = path.split("/")
    parents = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    kept_out = False
    for pattern in patterns:
        negated, wanted = pattern.startswith("!"), pattern.lstrip("!")
        expressions = [wanted, wanted.removeprefix("**/")] if wanted.startswith("**/") else [wanted]
        if any(_fits(parent, expression) for parent in parents for expression in expressions):
            kept_out = not negated
    return kept_out


def _fits(path: str, pattern: str) -> bool:
    """As Docker matches: a `*` stays within a name, `**/` is any folder."""
    if pattern.startswith("**/"):
        return any(fnmatch.fnmatchcase(part, pattern[3:]) for part in path.split("/"))
    names, wanted = path.split("/"), pattern.split("/")
    return len(names) == len(wanted) and all(map(fnmatch.fnmatchcase, names, wanted))


def context_files() -> list[str]:
    """The files of the checkout that a build can copy, hidden and untracked ones too; virtual environments and .git are not walked."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return sorted(path for path in _walk() if not ignored(path, patterns))


def _walk() -> Iterator[str]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name != ".git" and not name.startswith(".venv")]
        for name in names:
            yield Path(folder, name).relative_to(ROOT).as_posix()


def run_steps(path: Path, image: Path, arguments: Mapping[str, str]) -> dict[str, str]:
    """Builds a Dockerfile into the folder `image`; returns the variables of its processes, labels among them as `LABEL …`.

    Raises:
      subprocess.CalledProcessError: a step failed.
    """
    subprocess.run([sys.executable, "-m", "venv", image / "venv"], check=True)
    variables = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name in ("HOME", "LANG", "SSL_CERT_FILE")}
    variables["PATH"] = f"{image / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    folder, files = image, context_files()
    for step in read_steps(path):
        if step.name == "WORKDIR":
            folder = image / step.words.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
        elif step.name == "ENV":
            variables |= dict(word.split("=", 1) for word in shlex.split(step.words))
        elif step.name == "ARG":
            variables |= {step.words: arguments[step.words]} if step.words in arguments else {}
        elif step.name == "COPY" and not step.words.startswith("--from="):
            *sources, target = step.words.split()
            for source in sources:
                _copy(source, folder / target, [file for file in files if file == source or file.startswith(f"{source}/")])
        elif step.name == "RUN":
            assert not re.search(r"(?<![\w.=])/\w", step.words), f"an absolute path cannot be run here: {step.words}"
            here = {"PIP_NO_CACHE_DIR": "0", "PIP_NO_COMPILE": "1"}  # downloads of before are used; byte code changes nothing
            subprocess.run(["sh", "-ec", step.words], cwd=folder, env=variables | here, check=True)
        elif step.name == "LABEL":
            name, _, value = step.words.partition("=")
            variables[f"LABEL {name}"] = shlex.split(value)[0].replace("$ENVIRONMENT", variables.get("ENVIRONMENT", ""))
    return variables


def _copy(source: str, target: Path, files: list[str]) -> None:
    assert files, f"COPY {source}: .dockerignore keeps it out, or it is not there"
    for file in files:
        place = target / Path(file).relative_to(source) if file != source else target / Path(source).name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, place)
