"""What we export against what transformers makes of it. Needs $ALBERT_TRANSFORMERS_PYTHON: a Python with torch and transformers."""

import dataclasses
import json
import lzma
import os
from typing import NamedTuple

import numpy as np
import pytest

from albert_core.config import SIZES, AlbertConfig
from albert_core.exporting import export_model
from albert_core.huggingface import write_huggingface
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.tokenization import Tokenizer
from albert_core.transformers_outputs import run_transformers
from tests.albert_core import goldens
from tests.albert_core.test_exporting import save
from tests.albert_core.test_huggingface import VOCABULARY
from tests.albert_core.test_modeling import VARIANTS, with_random_weights
from tests.shared_data import shared

PYTHON = os.environ.get("ALBERT_TRANSFORMERS_PYTHON")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="needs a Python with torch and transformers: set ALBERT_TRANSFORMERS_PYTHON to its interpreter"
)

LIMIT = 1e-5  # largest difference over largest value
FULL_SIZES = ("tiny", "base_google")
HEADS = {"pretraining": Heads(), "classifier": Heads(num_labels=3), "masked words": Heads(sentence_order=False)}
HEADS |= {"encoder": Heads(masked_words=False, sentence_order=False), "order": Heads(masked_words=False)}
NAMES = [
    *(name for name, config in VARIANTS.items() if config.ln_type != "preln"),
    *(f"{head} on {name}" for head in HEADS for name in ("postln", "groups", "bert") if head != "pretraining"),
    "uneven groups",
    *(f"golden {variant}" for variant in (goldens.BRIGHTMART, goldens.GOOGLE)),
    *FULL_SIZES,
]
DIFFERENCES = [  # line, our tokens (the reference's), theirs
    ("今\ue000天", ["今", "[UNK]", "天"], ["今", "天"]),  # private use: dropped there
    ("a[MASK]b", ["a", "[", "ma", "##sk", "]", "b"], ["a", "[MASK]", "b"]),  # a special token that is written out
    ("x" * 101, ["xxxx", *["##xxx"] * 32, "##x"], ["[UNK]"]),  # the reference's words may have 200 characters, theirs 100
]


def make_model(name):
    if name in SIZES:
        return Albert(AlbertConfig.named(name), seed=3)
    if name.startswith("golden "):
        return goldens.golden_model(name.removeprefix("golden "))
    if name == "uneven groups":  # where transformers' division falls one short of Google's
        return with_random_weights(dataclasses.replace(VARIANTS["google"], num_hidden_layers=18, num_hidden_groups=14))
    head, _, variant = name.rpartition(" on ")
    return with_random_weights(VARIANTS[variant], heads=HEADS[head or "pretraining"])


def full_range_inputs(config):
    """Every position, ids from the whole vocabulary, both segments; the second row is half padding, the third all but one token."""
    random = np.random.default_rng(5)
    tokens = min(config.max_position_embeddings, 128)
    mask = np.arange(tokens) < np.array([tokens, tokens // 2, 1])[:, None]
    ids, segments = random.integers(0, config.vocab_size, mask.shape), random.integers(0, config.type_vocab_size, mask.shape)
    ids[0, 0], ids[0, 1] = 0, config.vocab_size - 1
    return {"input_ids": ids.astype(np.int32), "attention_mask": mask.astype(np.int32), "token_type_ids": segments.astype(np.int32)}


def real_lines():
    """The 2,037 lines of the golden tokenization, and 1,000 paragraphs of a Wikipedia."""
    golden = [json.loads(line)["text"] for line in shared("data/goldens/tokenization/bert_zh_tokens.jsonl").read_text("utf-8").splitlines()]
    with lzma.open(shared("data/corpora/bench_wiki2019zh.jsonl.xz"), "rt", encoding="utf-8") as file:
        pages = [json.loads(next(file))["text"] for _ in range(200)]
    paragraphs = [line for page in pages for line in page.splitlines() if line.strip()]
    return [*golden, *paragraphs[:1000]]


class Theirs(NamedTuple):
    """What the other interpreter made of each model, and of the lines; one run for all."""

    inputs: dict[str, dict[str, np.ndarray]]
    outputs: dict[str, dict[str, np.ndarray]]
    ids: list[list[int]]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    top = tmp_path_factory.mktemp("exported")
    folders, inputs = {}, {}
    real = shared("data/vocab.txt").read_bytes()
    for name in NAMES:
        model, folder = make_model(name), top / name.replace(" ", "_").replace(",", "")
        vocabulary = real if model.config.vocab_size == 21_128 else VOCABULARY
        write_huggingface(folder, model, vocabulary=vocabulary, normalization={})
        folders[name], inputs[name] = folder, full_range_inputs(model.config)
    lines = real_lines() + [line for line, _, _ in DIFFERENCES]
    given = {folders[name]: inputs[name] for name in NAMES}
    answer = run_transformers(str(PYTHON), given, tokenizer=folders["tiny"], lines=lines)
    return Theirs(inputs, {name: answer.outputs[str(folders[name])] for name in NAMES}, answer.ids)


@pytest.mark.parametrize("name", NAMES)
def test_every_output_is_the_same_in_transformers(theirs, name):
    model = make_model(name)
    inputs, expected = list(theirs.inputs[name].values()), theirs.outputs[name]
    output = model(*inputs)
    ours = {"sequence": output.sequence_output, "pooled": output.pooled_output}
    if "words" in expected or ("scores" in expected and not model.heads.num_labels):
        positions = np.tile(np.arange(inputs[0].shape[1], dtype=np.int32), (len(inputs[0]), 1))
        ours["words" if "words" in expected else "scores"] = model.masked_logits(output.sequence_output, positions)
    if "order" in expected:
        ours["order"] = model.order_logits(output.pooled_output)
    if model.heads.num_labels:
        ours["scores"] = model.class_logits(output.pooled_output)
    assert set(expected) == set(ours) - ({"pooled"} if "pooled" not in expected else set())
    gaps = {key: float(np.abs(np.asarray(ours[key]) - value).max() / np.abs(value).max()) for key, value in expected.items()}
    print(name, {key: f"{gap:.1e}" for key, gap in gaps.items()})
    assert max(gaps.values()) <= LIMIT, gaps


def test_auto_tokenizer_gives_our_ids(theirs):
    tokenizer, lines = Tokenizer.load(shared("data/vocab.txt")), real_lines()
    assert len(lines) == 3037
    ours = [[tokenizer.cls_id, *tokenizer.encode(line), tokenizer.sep_id] for line in lines]
    assert [line for line, a, b in zip(lines, theirs.ids[: len(lines)], ours, strict=True) if a != b] == []


def test_where_auto_tokenizer_differs(theirs):
    """The three known differences, none of which a real line of the sample has: a fourth, or one less, should be noticed."""
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    for (line, ours, other), ids in zip(DIFFERENCES, theirs.ids[-len(DIFFERENCES) :], strict=True):
        assert tokenizer.tokens(line) == ours
        assert [tokenizer.vocab[index] for index in ids[1:-1]] == other


@pytest.mark.parametrize("name", ["postln", "google", "bert"])
def test_an_export_asks_transformers_itself(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "model", VARIANTS[name], heads=Heads(num_labels=0))
    report = export_model("model", "out", format="huggingface", transformers_python=PYTHON)
    asked = {check["name"]: check["largest_difference"] for check in report["checks"] if check["name"].startswith("transformers")}
    assert [key.partition(": ")[2] for key in asked] == ["sequence output", "pooled output", "masked words", "sentence order", "tokenizer"]
    assert max(asked.values()) < LIMIT
    assert report["notes"] == []
