"""A build that is killed, again and again, ends as one that was left alone: the same shards, the same account."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.samples import COMMUNITY, DIRTY, ENCYCLOPEDIA, NEWS, vocabulary

KILLS = 3


def command(output: Path, corpora: list[str], *options: str) -> list[str]:
    vocab = output.with_suffix(".vocab")
    if not vocab.exists():
        vocab.write_bytes(vocabulary())
    named = [word for corpus in corpora for word in ("--corpus", corpus)]
    settings = ["--vocab", str(vocab), "--output", str(output), "--max-seq-length", "64", "--dupe-factor", "2", *options]
    return [str(Path(sys.executable).with_name("albert-data")), "build", *named, *settings]


def read_manifest(output: Path) -> dict[str, Any]:
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    return {name: manifest[name] for name in ("digest", "account", "documents", "instances", "shards")}


def count_files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def kill_and_restart(arguments: list[str], output: Path, chance: random.Random, files: int) -> int:
    """Starts a command, kills it, starts it again, and at last lets it end; how often it was killed in its work.

    The first kill comes with the first file, the others when a random number of files lies there, of the `files` of a whole build: a
    machine that is faster on the second run, or busy, moves them along.
    """
    killed = 0
    for number in range(KILLS):
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        wanted = chance.randint(min(count_files(output) + 1, files - 1), files - 1) if number else 1
        while process.poll() is None and count_files(output) < wanted:
            time.sleep(0.01)
        time.sleep(0.2 * chance.random())
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return killed


@pytest.mark.slow
@pytest.mark.integration
def test_kills_at_random_moments_change_nothing(tmp_path):
    corpora = [str(ENCYCLOPEDIA), str(NEWS), f"{COMMUNITY}/*.txt", str(DIRTY)]
    subprocess.run(command(tmp_path / "whole", corpora), check=True, stdout=subprocess.DEVNULL)
    files = count_files(tmp_path / "whole")
    killed = kill_and_restart(command(tmp_path / "killed", corpora), tmp_path / "killed", random.Random(4), files)
    assert killed >= 1
    assert read_manifest(tmp_path / "killed") == read_manifest(tmp_path / "whole")
    names = [
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (tmp_path / "killed", tmp_path / "whole")
    ]
    assert names[0] == names[1]
