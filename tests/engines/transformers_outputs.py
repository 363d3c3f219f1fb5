"""Run by a Python that has torch and transformers, not by ours: what their classes make of exported folders.

    python transformers_outputs.py JOB.json

JOB.json: {"models": {FOLDER: INPUTS.npz}, "lines": LINES.json, "tokenizer": FOLDER, "tokens": TOKENS.json}. Beside each folder's weights
it writes outputs.npz; TOKENS.json gets the ids of each line.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

SCORES = {"sop_logits": "order", "seq_relationship_logits": "order", "prediction_logits": "words", "logits": "scores"}


def main(job):
    for folder, inputs in job["models"].items():
        np.savez(Path(folder) / "outputs.npz", **outputs(Path(folder), np.load(inputs)))
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["tokenizer"])
    ids = [tokenizer.encode(line) for line in json.loads(Path(job["lines"]).read_text("utf-8"))]
    Path(job["tokens"]).write_text(json.dumps(ids), "utf-8")


def outputs(folder, arrays):
    """Sequence and pooled output, and the scores of the heads that the architecture in config.json has."""
    name = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    model, loading = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    if loading["missing_keys"]:
        raise SystemExit(f"{folder}: {name} lacks {loading['missing_keys']}")
    model.eval()
    inputs = {key: torch.tensor(arrays[key].astype(np.int64)) for key in ("input_ids", "attention_mask", "token_type_ids")}
    with torch.no_grad():
        base, whole = model.base_model(**inputs), model(**inputs)
    found = {"sequence": base.last_hidden_state, "pooled": base.pooler_output}
    for theirs, ours in SCORES.items():
        if getattr(whole, theirs, None) is not None:
            found[ours] = getattr(whole, theirs)
    return {key: value.numpy() for key, value in found.items() if value is not None}


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
