"""A real pretraining of tiny on real text, and what n-grams change: the recipe, the curve, the figures of RESULTS.md.

python -m tests.benchmarks.pretraining run DIR        build, train 8,000 steps (two hours of two cores), measure, draw DIR/pretraining.svg
python -m tests.benchmarks.pretraining ngrams DIR     two equal short runs, --max-ngram 1 and 3, each measured on both held-out sets
python -m tests.benchmarks.pretraining draw DIR       the picture alone, of a run that is there

Stopped at any moment, the same command goes on.
"""

import json
import math
import subprocess
import sys
from pathlib import Path

from albert_core.training_log import read_metrics
from tests.shared_data import ROOT

CORPORA = ("wiki2019zh={}/bench_wiki2019zh.jsonl.xz", "{}/cctv_news_md.tar.xz")
SHARDS = (
    "--masking", "dynamic", "--max-seq-length", "128", "--max-predictions-per-seq", "20", "--masked-lm-prob", "0.15",
    "--eval-fraction", "0.01", "--direct_num_workers", "2",
)  # fmt: skip
# Google's layout of tiny: the word vectors of brightmart's begin as a product of two small matrices and stay on the plateau of word
# frequencies for far longer (RESULTS.md).
RUN = (
    "--model", "tiny_google", "--num-train-steps", "8000", "--compute-dtype", "bfloat16", "--eval-steps", "500", "--max-eval-steps", "40",
    "--save-checkpoints-steps", "250",
)  # fmt: skip
# A quick warm-up leaves even this model on the plateau for more than 1,200 steps; the long one of RUN does not.
SHORT = ("--model", "tiny_google", "--num-train-steps", "1500", "--num-warmup-steps", "800", "--compute-dtype", "bfloat16")
CONFIDENCE = 1.96  # standard deviations of 95 %


def main(what: str, folder: str) -> None:
    """Does `what` in `folder`."""
    home = Path(folder)
    if what == "run":
        build(home / "shards", 3)
        call("albert-train", "pretrain", "--data", str(home / "shards"), "--output", str(home / "run"), *RUN)
        report(home / "run")
    if what in ("run", "draw"):
        draw(home / "run", home / "pretraining.svg")
    if what == "ngrams":
        compare(home)


def build(shards: Path, max_ngram: int) -> None:
    """The dataset of a run; a finished one is left as it is."""
    corpora = [part for corpus in CORPORA for part in ("--corpus", corpus.format(ROOT / "data" / "corpora"))]
    vocab = str(ROOT / "data" / "vocab.txt")
    call("albert-data", "build", *corpora, "--vocab", vocab, "--output", str(shards), *SHARDS, "--max-ngram", str(max_ngram))


def compare(home: Path) -> None:
    """Masked words and order of both runs on both held-out sets."""
    for ngram in (1, 3):
        build(home / f"ngram-{ngram}", ngram)
        call("albert-train", "pretrain", "--data", str(home / f"ngram-{ngram}"), "--output", str(home / f"run-ngram-{ngram}"), *SHORT)
    print("trained on   measured on   words right   loss    order right")
    for trained in (1, 3):
        for measured in (1, 3):
            data, model = home / f"ngram-{measured}", home / f"run-ngram-{trained}"
            numbers = json.loads(call("albert-train", "evaluate", "--data", str(data), "--model", str(model), "--json"))
            words, loss = numbers["masked_lm_accuracy"], numbers["masked_lm_loss"]
            print(f"{trained:>10}{measured:>14}{words:>14.1%}{loss:>8.3f}{numbers['sentence_order_accuracy']:>13.1%}")


def report(run: Path) -> None:
    """The final figures with their intervals."""
    numbers = json.loads((run / "evaluation.json").read_text())
    for name, group in {"all": numbers, **numbers.get("sources", {})}.items():
        order, count = group["sentence_order_accuracy"], group["num_instances"]
        half = CONFIDENCE * math.sqrt(order * (1 - order) / count)
        print(f"{name:<14} words {group['masked_lm_accuracy']:.1%}   order {order:.1%} ± {half:.1%} of {count:,} pairs")
    print(f"words against the most frequent token: {numbers['masked_lm_accuracy'] / numbers['masked_lm_baseline']:.2f} ×")


def draw(run: Path, picture: Path) -> None:
    """Loss, and held-out accuracies, over the steps."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "albert", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot as plt

    lines = read_metrics(run)
    held_out = [line for line in lines if "held_out_masked_lm_loss" in line]
    steps = [line["step"] for line in held_out]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    window = 50
    means = [sum(line["masked_lm_loss"] for line in lines[at : at + window]) / window for at in range(0, len(lines) - window + 1, window)]
    left.plot([window * (number + 1) for number in range(len(means))], means, color="0.7", label="training, mean of 50 steps")
    left.plot(steps, [line["held_out_masked_lm_loss"] for line in held_out], "o-", ms=3, color="tab:blue", label="held out")
    left.set(title="masked words: loss (nats)", xlabel="step")
    left.legend()
    words, order = ([line[f"held_out_{name}_accuracy"] for line in held_out] for name in ("masked_lm", "sentence_order"))
    right.plot(steps, [100 * value for value in words], "o-", ms=3, color="tab:blue", label="masked words")
    right.axhline(100 * held_out[-1]["held_out_masked_lm_baseline"], color="tab:blue", ls=":", label="most frequent token")
    right.plot(steps, [100 * value for value in order], "s-", ms=3, color="tab:orange", label="sentence order")
    right.axhline(50, color="tab:orange", ls=":")
    right.set(title="held out: right answers (%)", xlabel="step", ylim=(0, None))
    right.legend()
    figure.savefig(picture, metadata={"Date": None})
    print(picture)


def call(name: str, *arguments: str) -> str:
    """Runs one of our commands; gives what it prints on standard output, where --json asks for it."""
    capture = subprocess.PIPE if "--json" in arguments else None
    done = subprocess.run([str(Path(sys.executable).with_name(name)), *arguments], check=True, stdout=capture, text=True)
    return done.stdout or ""


if __name__ == "__main__":
    main(*sys.argv[1:])
