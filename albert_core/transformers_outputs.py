"""What the transformers library makes of an exported folder: the other side of `export --verify`.

The same file is both sides. `run_transformers` starts an interpreter that has torch and transformers, this one or another, since torch
and TensorFlow need not share an environment; that one runs `main`, which imports nothing of ours.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCORES = {"sop_logits": "order", "seq_relationship_logits": "order", "prediction_logits": "words", "logits": "scores"}
NEEDED = ("torch", "transformers")


class TransformersOutputs(NamedTuple):
    """Per folder: sequence, pooled, and the scores (words, order, scores) of the heads in its config.json; the ids of each line."""

    version: str
    outputs: dict[str, dict[str, np.ndarray]]
    ids: list[list[int]]


def own_python() -> str | None:
    """This interpreter, if it has what is needed."""
    return sys.executable if all(importlib.util.find_spec(name) for name in NEEDED) else None


def run_transformers(
    python: str, inputs: Mapping[Path, Mapping[str, np.ndarray]], *, tokenizer: Path, lines: Sequence[str]
) -> TransformersOutputs:
    """Have `python` load each folder of `inputs` and compute; int [B, T] input_ids, attention_mask and token_type_ids each.

    Raises:
      RuntimeError: it failed; with the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        job: dict[str, Any] = {"models": [], "tokenizer": str(tokenizer.resolve()), "lines": list(lines)}
        for number, (folder, arrays) in enumerate(inputs.items()):
            np.savez(top / f"in{number}.npz", **arrays)  # type: ignore[arg-type]
            job["models"].append({"folder": str(folder.resolve()), "inputs": f"in{number}.npz", "outputs": f"out{number}.npz"})
        (top / "job.json").write_text(json.dumps(job), "utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | {"HF_HUB_OFFLINE": "1"}
        command = [python, str(Path(__file__).resolve()), str(top / "job.json")]
        try:
            run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=top)
        except OSError as error:
            raise RuntimeError(str(error)) from error
        if run.returncode:
            raise RuntimeError(run.stderr.strip()[-2000:])
        answer = json.loads((top / "answer.json").read_text("utf-8"))
        outputs = {}
        for folder, model in zip(inputs, job["models"], strict=True):
            with np.load(top / model["outputs"]) as arrays:
                outputs[str(folder)] = dict(arrays)
    return TransformersOutputs(answer["version"], outputs, answer["ids"])


def main(path: Path) -> None:
    """The other side: job.json in, one file of outputs a model and answer.json out, all in one folder."""
    import transformers  # type: ignore[import-not-found, unused-ignore]

    job = json.loads(path.read_text("utf-8"))
    for model in job["models"]:
        with np.load(path.parent / model["inputs"]) as arrays:
            np.savez(path.parent / model["outputs"], **_outputs(Path(model["folder"]), dict(arrays)))  # type: ignore[arg-type]
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["tokenizer"])
    answer = {"version": transformers.__version__, "ids": [tokenizer.encode(line) for line in job["lines"]]}
    (path.parent / "answer.json").write_text(json.dumps(answer), "utf-8")


def _outputs(folder: Path, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    import torch  # type: ignore[import-not-found, unused-ignore]
    import transformers

    name = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    model, loading = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    if loading["missing_keys"]:
        raise SystemExit(f"{folder}: {name} lacks {loading['missing_keys']}")
    model.eval()
    inputs = {key: torch.tensor(array.astype(np.int64)) for key, array in arrays.items()}
    with torch.no_grad():
        base, whole = model.base_model(**inputs), model(**inputs)
    found = {"sequence": base.last_hidden_state, "pooled": base.pooler_output}
    for theirs, ours in SCORES.items():
        if getattr(whole, theirs, None) is not None:
            found[ours] = getattr(whole, theirs)
    return {key: value.numpy() for key, value in found.items() if value is not None}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
