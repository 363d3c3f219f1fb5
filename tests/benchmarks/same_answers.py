"""One fine-tuned model in four forms, asked the same lines: the largest differences of their answers, and what each took.

    python -m tests.benchmarks.same_answers MODEL LINES [COUNT]

MODEL is a folder of `finetune` for a task with labels, LINES a file of its task. The SavedModel gets strings, in an interpreter that cannot
import this project; Keras and LiteRT get token ids.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
BATCH = 32
SERVE = """
import json, sys, time
sys.modules["albert_core"] = None
import tensorflow as tf
served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
texts = json.load(sys.stdin)
names = ["first", "second"][:len(texts)] if len(texts) > 1 else ["text"]
batches = [{name: tf.constant(column[at:at + 32]) for name, column in zip(names, texts)} for at in range(0, len(texts[0]), 32)]
served(**batches[0])
begun = time.perf_counter()
found = [served(**batch)["probabilities"].numpy().tolist() for batch in batches]
print(json.dumps({"seconds": time.perf_counter() - begun, "scores": sum(found, [])}))
"""


def main(model: str, lines: str, count: int = 1000) -> None:
    """Prints the table."""
    from albert_core.litert import LiteRtModel, export_litert
    from albert_core.saved_model import export_saved_model
    from albert_core.task_files import read_records
    from albert_core.task_model import TaskModel

    ours = TaskModel.load(model)
    records = read_records(lines, ours.task)[:count]
    with tempfile.TemporaryDirectory() as folder:
        export_saved_model(model, Path(folder) / "served")
        export_litert(model, Path(folder) / "phone")
        columns = [list(column) for column in zip(*(record.texts for record in records), strict=True)]
        arguments = [sys.executable, "-I", "-c", SERVE, f"{folder}/served"]
        told = subprocess.run(arguments, cwd=folder, input=json.dumps(columns), stdout=subprocess.PIPE, text=True, check=True)
        served = json.loads(told.stdout)
        phone = LiteRtModel.load(Path(folder) / "phone")
        ours.answer(records[:BATCH])
        expected, seconds = timed(lambda: np.array([answer.scores for answer in ours.answer(records)]))
        forms = {
            "TaskModel (Python)": (expected, seconds),
            "SavedModel, strings in": (np.array(served["scores"]), served["seconds"]),
            "Keras": timed(lambda: ask_keras(model, ours, records)),
            "LiteRT, float32": timed(lambda: np.array([answer.scores for answer in phone.answer(records)])),
        }
    sure = expected.max(1)
    print(f"{len(records):,} lines of {ours.task.name}, {len(ours.labels)} labels; answers are sure to {sure.min():.3f} … {sure.max():.3f}")
    print(f"load {os.getloadavg()[0]:.1f}\n")
    print(
        "| form | other labels | largest difference of a probability | of a log-probability (over 1 %) | seconds |\n|---|---|---|---|---|"
    )
    for name, (scores, seconds) in forms.items():
        likely = expected > 0.01
        logs = np.abs(np.log(scores[likely]) - np.log(expected[likely])).max()
        other = int((scores.argmax(1) != expected.argmax(1)).sum())
        print(f"| {name} | {other} | {np.abs(scores - expected).max():.1e} | {logs:.1e} | {seconds:.1f} |")


def timed(ask) -> tuple[np.ndarray, float]:
    """What it gives, and how long it took."""
    begun = time.perf_counter()
    return ask(), time.perf_counter() - begun


def ask_keras(model: str, ours, records) -> np.ndarray:
    """Probabilities from keras.Model, padded to the longest of each batch."""
    import tensorflow as tf

    from albert_core import load_keras
    from albert_core.task_features import stack_features

    keras_model = load_keras(model, head="classifier")
    features = ours.encoder.encode(records)
    found = []
    for at in range(0, len(features), BATCH):
        part = features[at : at + BATCH]
        batch = stack_features(part, width=max(feature.length for feature in part), pad_id=ours.encoder.tokenizer.pad_id)
        inputs = {name: tf.constant(batch[name]) for name in ("input_ids", "input_mask", "segment_ids")}
        found.append(tf.nn.softmax(keras_model(inputs, training=False)).numpy())
    return np.concatenate(found)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]))
