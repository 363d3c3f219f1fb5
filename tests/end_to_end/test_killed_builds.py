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


def kill_and_restart(arguments: list[str], moments: list[float]) -> int:
    """Starts a command, kills it after so many seconds, starts it again, and at last lets it end; how often it was killed in its work."""
    killed = 0
    for moment in moments:
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(moment)
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return killed


@pytest.mark.slow
@pytest.mark.integration
def test_kills_at_random_moments_change_nothing(tmp_path):
    corpora = [str(ENCYCLOPEDIA), str(NEWS), f"{COMMUNITY}/*.txt", str(DIRTY)]
    started = time.monotonic()
    subprocess.run(command(tmp_path / "whole", corpora), check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    chance = random.Random(4)
    moments = [seconds * (0.3 + 0.7 * chance.random()) for _ in range(KILLS)]
    killed = kill_and_restart(command(tmp_path / "killed", corpora), moments)
    assert killed >= 1
    assert read_manifest(tmp_path / "killed") == read_manifest(tmp_path / "whole")
    files = [
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} for folder in (tmp_path / "killed", tmp_path / "whole")
    ]
    assert files[0] == files[1]
