"""Vectors as they come, into a file of any number of rows: `.npy` for NumPy, else JSON Lines, {"text", "vector"} each."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

NPY = ".npy"


class VectorFile:
    """A file that is there when the block has ended well, and not before.

    >>> with VectorFile("vectors.npy") as file:
    ...     file.add(["花开了"], np.ones((1, 3), np.float32))
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        self._shape = [0, 0]

    def __enter__(self) -> Self:
        self._file = self._partial.open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._file:
            if kind is None and self.path.suffix == NPY:
                self._file.seek(0)
                self._write_header()
        if kind is None:
            self._partial.replace(self.path)
        else:
            self._partial.unlink(missing_ok=True)

    def add(self, texts: Sequence[str], vectors: np.ndarray) -> None:
        """Append float32 [texts, H]."""
        if self.path.suffix != NPY:
            rows = zip(texts, vectors.tolist(), strict=True)
            self._file.writelines((json.dumps({"text": t, "vector": v}, ensure_ascii=False) + "\n").encode() for t, v in rows)
            return
        if not self._shape[0]:
            self._shape[1] = vectors.shape[1]
            self._write_header()
        self._shape[0] += len(vectors)
        self._file.write(np.ascontiguousarray(vectors, np.float32).tobytes())

    def _write_header(self) -> None:
        """NumPy leaves room in it for any number of rows, so that it can be written again over itself (numpy.lib.format)."""
        described: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": tuple(self._shape)}
        np.lib.format.write_array_header_1_0(self._file, described)
