"""Where the reference data lies that is not part of the project: ../shared beside the checkout, or $ALBERT_SHARED_DATA."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("ALBERT_SHARED_DATA", Path(__file__).parents[2] / "shared"))


def shared(path: str) -> Path:
    """The reference file `path`; skips the calling test, and says why, where it is missing."""
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"needs the reference data {path} (in ../shared, or set ALBERT_SHARED_DATA)")
    return found
