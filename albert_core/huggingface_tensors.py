"""The tensors of a Hugging Face folder: one safetensors file or several with an index. Pickles are refused."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from albert_core.errors import AlbertError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
FLOATS = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "BF16": np.uint16}
OLD_SUFFIXES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # the first BERTs are stored with these
BASE_PARTS = ("embeddings.", "encoder.", "pooler.")


class Place(NamedTuple):
    """Where a tensor lies: its file, its name there, its type."""

    path: Path
    name: str
    dtype: str


class FileTensors(NamedTuple):
    """The tensors of a model by their full names: shapes at once, values when they are asked for."""

    shapes: dict[str, list[int]]
    places: dict[str, Place]

    def read(self, name: str) -> np.ndarray:
        """A tensor's values as float32.

        Raises:
          AlbertError: it holds no floating-point numbers, or the file is damaged.
        """
        path, stored, dtype = self.places[name]
        if dtype not in FLOATS:
            raise AlbertError(f"{path}: {stored} is of type {dtype}, no weight\nsave the model as float32, float16 or bfloat16")
        if dtype == "BF16":  # the upper half of a float32; NumPy has no such type
            return (_raw(path, stored).astype(np.uint32) << 16).view(np.float32).reshape(self.shapes[name])
        with safe_open(path, framework="np") as file:
            return np.asarray(file.get_tensor(stored)).astype(np.float32)


def open_tensors(folder: Path, *, prefix: str, leave: str) -> tuple[FileTensors, list[str]]:
    """The tensors of a folder and notes on them. Names without their model's `prefix` ("albert.") get it; the file `leave` is none of it.

    Raises:
      AlbertError: there are none, only a pickle, or a file is missing or damaged.
    """
    places: dict[str, Place] = {}
    shapes: dict[str, list[int]] = {}
    for path in _files(folder, leave):
        try:
            with safe_open(path, framework="np") as file:
                for name in file.keys():  # noqa: SIM118 (no mapping)
                    part = file.get_slice(name)
                    places[name], shapes[name] = Place(path, name, part.get_dtype()), list(part.get_shape())
        except (SafetensorError, OSError) as error:
            raise AlbertError(f"{path} is damaged: {str(error).splitlines()[0]}\ncopy or download it anew") from error
    full = {name: _full_name(name, prefix, bare=not any(n.startswith(prefix) for n in places)) for name in places}
    others = sorted({place.dtype for place in places.values()} & set(FLOATS) - {"F32"})
    notes = [f"weights are stored as {', '.join(others)}: read as float32"] if others else []
    return FileTensors({full[n]: s for n, s in shapes.items()}, {full[n]: p for n, p in places.items()}), notes


def _full_name(name: str, prefix: str, *, bare: bool) -> str:
    for old, new in OLD_SUFFIXES.items():
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return prefix + name if bare and name.startswith(BASE_PARTS) else name


def _files(folder: Path, leave: str) -> list[Path]:
    """The safetensors files of a model: those its index names, else model.safetensors, else the only one there is."""
    if (folder / INDEX).exists():
        return _indexed_files(folder)
    if (folder / WEIGHTS).exists():
        return [folder / WEIGHTS]
    found = sorted(path for path in folder.glob("*.safetensors") if path.name != leave)
    if len(found) > 1:
        raise AlbertError(
            f"{folder} holds {len(found)} safetensors files and no {INDEX}\nkeep one, or copy the index: {', '.join(p.name for p in found)}"
        )
    if found:
        return found
    if pickles := sorted(folder.glob("pytorch_model*.bin")):
        raise AlbertError(
            f"{pickles[0]} is a pickle, which can run code when it is read: it is refused\n"
            "where transformers is installed and you trust the file, convert it:\n"
            "  from transformers import AutoModelForPreTraining\n"
            f'  model = AutoModelForPreTraining.from_pretrained("{folder}")\n'
            f'  model.save_pretrained("{folder}", safe_serialization=True)'
        )
    raise AlbertError(f"{folder} holds no {WEIGHTS}\ngive a folder that transformers wrote with save_pretrained")


def _indexed_files(folder: Path) -> list[Path]:
    """The files that the index of a model in several parts names."""
    try:
        names = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise AlbertError(f"{folder / INDEX} is damaged: {error}\ncopy or download it anew") from error
    for name in names:
        if Path(name).name != name or not (folder / name).exists():
            raise AlbertError(f"{folder / INDEX} names {name}, which is not in the folder\ncopy all {len(names)} parts: {', '.join(names)}")
    return [folder / name for name in names]


def _raw(path: Path, name: str) -> np.ndarray:
    """The 16-bit words of a tensor. A safetensors file: length of the header (8 bytes), header (JSON), values."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start, end = json.loads(file.read(length))[name]["data_offsets"]
        file.seek(8 + length + start)
        return np.frombuffer(file.read(end - start), "<u2")
