"""Lines a second of the tokenizer as a graph, beside the one in Python: taking turns, the best of several rounds.

python -m tests.benchmarks.graph_tokenizer LINES     the texts of a file of TNEWS, ../shared/data/vocab.txt
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROUNDS, ONE_BY_ONE = 5, 300


def main(path: str) -> None:
    """Prints the table."""
    import tensorflow as tf

    from albert_core.graph_tokenizer import GraphTokenizer
    from albert_core.tokenization import Tokenizer
    from tests.shared_data import ROOT

    with open(path, encoding="utf-8") as lines:
        texts = [json.loads(line)["sentence"] for line in lines]
    tokenizer = Tokenizer.load(ROOT / "data/vocab.txt")
    graph = GraphTokenizer(tokenizer)
    assert graph(tf.constant(texts)).to_list() == [tokenizer.encode(text) for text in texts]
    batches = [tf.constant(texts[at : at + 64]) for at in range(0, len(texts), 64)]
    everything, single = tf.constant(texts), [tf.constant([text]) for text in texts[:ONE_BY_ONE]]
    ways = {
        "graph, all lines in one call": (lambda: graph(everything), len(texts)),
        "graph, 64 lines a call": (lambda: [graph(batch) for batch in batches], len(texts)),
        "graph, one line a call": (lambda: [graph(batch) for batch in single], ONE_BY_ONE),
        "Python, words not seen before": (lambda: encode_anew(tokenizer, texts), len(texts)),
        "Python, words remembered": (lambda: [tokenizer.encode(text) for text in texts], len(texts)),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, (way, _) in ways.items():
            begun = time.perf_counter()
            way()
            best[name] = min(best[name], time.perf_counter() - begun)
    print(f"{len(texts):,} lines, {sum(map(len, texts)) / len(texts):.0f} characters each; load {os.getloadavg()[0]:.1f}\n")
    print("| way | lines/s |\n|---|---|")
    for name, (_, count) in ways.items():
        print(f"| {name} | {count / best[name]:,.0f} |")


def encode_anew(tokenizer, texts: list[str]) -> None:
    """Without what the tokenizer remembers of words."""
    tokenizer._runs.forget()
    for text in texts:
        tokenizer.encode(text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
