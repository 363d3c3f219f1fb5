"""Input that no one should have to think of, from the command line: a message or a counted reject, never a wrong shard, nothing lost."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from albert_core.shards import Dataset
from pipelines.tracing import read_stretches
from tests.samples import ENCYCLOPEDIA, NEWS, vocabulary, write_vocabulary

SMALL = ["--max-seq-length", "64", "--dupe-factor", "1", "--eval-fraction", "0", "--near-duplicates", "0"]
WHOLE = ["--short-seq-prob", "0"]  # no instance is short, so no sentence is cut to fit one
ONE_CHARACTER = "好"
EMOJI = "😀🎉👩‍👩‍👧🇨🇳❤️" * 40
LATIN = "The quick brown fox jumps over the lazy dog. It was not amused, and said so.\n" * 20


def write_documents(path: Path, *texts: str) -> Path:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), "utf-8")
    return path


def sample_texts() -> list[str]:
    """The encyclopedia's articles."""
    return [json.loads(line)["text"] for line in ENCYCLOPEDIA.read_text("utf-8").splitlines()]


def long_line(marks: str) -> str:
    """A line of 3 MB: characters of the samples in a random order, with one of the marks behind every ninth."""
    characters = sorted({character for text in sample_texts() for character in text if "一" <= character <= "鿿"})
    chance = random.Random(12345)
    return "".join(
        character + (chance.choice(marks) if marks and i % 9 == 8 else "")
        for i, character in enumerate(chance.choices(characters, k=950_000))
    )


def lost_tokens(output: Path) -> int:
    """Tokens of documents that are in no instance, as the index has it; a document is as long as its farthest instance."""
    dataset, lost = Dataset.open(output), 0
    for shard in dataset.manifest["shards"]:
        stretches = read_stretches(dataset, shard)
        for number in range(len(stretches.document_ids)):
            rows = stretches.document == number
            covered = np.zeros((stretches.first_token[rows] + stretches.num_tokens[rows]).max(initial=0), np.bool_)
            for first, size in zip(stretches.first_token[rows], stretches.num_tokens[rows], strict=True):
                covered[first : first + size] = True
            lost += int((~covered).sum())
    return lost


def test_documents_without_prose_are_counted_and_the_others_are_as_without_them(albert_data, tmp_path):
    vocab, good = write_vocabulary(tmp_path), sample_texts()[:20]
    clean = write_documents(tmp_path / "clean.jsonl", *good)
    mixed = write_documents(tmp_path / "mixed.jsonl", ONE_CHARACTER, *good[:9], EMOJI, LATIN, *good[9:], "", " \u3000\n", "\u200b")
    code, out, err = albert_data("build", "--corpus", mixed, "--vocab", vocab, "--output", tmp_path / "mixed", *SMALL, "--json")
    assert code == 0, err
    account = json.loads(out)["documents"]
    assert (account["read"], account["kept"]) == (26, 20)
    assert account["rejected"] == {"empty": 6}  # the rules for lines leave nothing of them
    rejects = [
        json.loads(line) for path in (tmp_path / "mixed").rglob("rejects/**/*.jsonl") for line in path.read_text("utf-8").splitlines()
    ]
    assert [reject["excerpt"] for reject in rejects].count(ONE_CHARACTER) == 1
    assert albert_data("verify", tmp_path / "mixed")[0] == 0
    code, out, _ = albert_data("build", "--corpus", clean, "--vocab", vocab, "--output", tmp_path / "clean", *SMALL, "--json")
    same = [json.loads((tmp_path / name / "manifest.json").read_text("utf-8"))["instances"] for name in ("mixed", "clean")]
    assert same[0] == same[1] > 100


@pytest.mark.parametrize(
    ("text", "why"),
    [(ONE_CHARACTER, "empty 1"), (ONE_CHARACTER + "。今天天气很好。", "too_few_han 1"), (EMOJI, "empty 1"), (LATIN, "empty 1")],
    ids=["one character", "two sentences", "emoji", "Latin"],
)
def test_a_corpus_of_nothing_else_is_an_error_that_says_why(albert_data, tmp_path, text, why):
    corpus = write_documents(tmp_path / "odd.jsonl", text)
    code, out, err = albert_data("build", "--corpus", corpus, "--vocab", write_vocabulary(tmp_path), "--output", tmp_path / "out", *SMALL)
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == f"albert-data: no document is left of 1: {why}"
    assert len(err.splitlines()) == 2
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("text", [ONE_CHARACTER, EMOJI, "好。" * 3, "a"], ids=["one character", "emoji", "three sentences", "one letter"])
def test_documents_kept_against_the_rules_make_whole_instances_or_are_counted(albert_data, tmp_path, text):
    """With every rule off, what is left is the instances' own business."""
    off = [argument for rule in ("min_han=0", "min_han_share=0", "max_symbol_share=1") for argument in ("--rule", rule)]
    off += [
        argument for rule in ("max_repeated_share=1", "max_top_ngram_share=1", "min_line_characters=0") for argument in ("--rule", rule)
    ]
    corpus = write_documents(tmp_path / "odd.jsonl", *sample_texts()[:5], text)
    output = tmp_path / "out"
    code, out, err = albert_data(
        "build", "--corpus", corpus, "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL, *WHOLE, *off, "--json"
    )
    assert code == 0, err
    account = json.loads(out)["documents"]
    assert account["read"] == 6 == account["kept"] + sum(account["rejected"].values())
    assert account["without_instances"] == account["kept"] - (6 if text == "好。" * 3 else 5)
    assert albert_data("verify", output)[0] == 0
    single = json.loads(out)["statistics"]["single_sentence_chunks"]
    assert single == account["without_instances"]
    assert lost_tokens(output) == 0


@pytest.mark.parametrize("marks", ["。！？", "，", ""], ids=["sentences", "clauses", "no mark at all"])
def test_a_line_of_3_mb_goes_whole_into_instances(albert_data, tmp_path, marks):
    corpus = tmp_path / "long.txt"
    corpus.write_text(long_line(marks), "utf-8")
    assert corpus.stat().st_size > 2_800_000
    output = tmp_path / "out"
    arguments = ["--corpus", f"line={corpus}", "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL, "--masking", "dynamic"]
    code, out, err = albert_data("build", *arguments, *WHOLE, "--segmenter", "none", "--json")
    assert code == 0, err
    manifest = json.loads(out)
    assert manifest["documents"] == {"read": 1, "kept": 1, "rejected": {}, "without_instances": 0}
    num_tokens = manifest["statistics"]["tokens"] - 3 * manifest["instances"]
    left = len(long_line(marks)) - num_tokens  # a last piece alone, that cannot be split in two
    assert (left, manifest["statistics"]["single_sentence_chunks"]) == ((0, 0) if marks else (20, 1))
    assert manifest["statistics"]["cut_tokens"] == 0
    assert lost_tokens(output) == 0


def test_a_changed_vocabulary_never_meets_shards_of_the_old_one(albert_data, tmp_path):
    """Finished or killed before the manifest: refused, or as if nothing had been there."""
    old, output = write_vocabulary(tmp_path), tmp_path / "out"
    turned = tmp_path / "turned.txt"  # as many tokens, other ids: nothing but the digest tells
    specials, others = vocabulary().decode().splitlines()[:5], vocabulary().decode().splitlines()[5:]
    turned.write_text("".join(f"{token}\n" for token in [*specials, *others[::-1]]), "utf-8")

    def build(vocab: Path, folder: Path, *more: str) -> tuple[int, str, str]:
        return albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--output", folder, *SMALL, "--num-shards", 2, *more, "--json")

    first, fresh = json.loads(build(old, output)[1]), json.loads(build(turned, tmp_path / "fresh")[1])
    assert first["digest"] != fresh["digest"]
    code, _, err = build(turned, output)
    assert code == 2
    assert "holds a finished dataset of another corpus or other options" in err
    assert "--overwrite" in err
    assert albert_data("verify", output)[0] == 0
    assert json.loads((output / "manifest.json").read_text("utf-8"))["digest"] == first["digest"]
    (output / "manifest.json").unlink()  # what a kill leaves that comes just before the last write
    code, out, err = build(turned, output, "--num-shards", "1")
    assert code == 0, err
    assert json.loads(out)["digest"] != first["digest"]
    assert [path.name for path in sorted(output.glob("train-*"))] == [
        f"train-00000-of-00001.{suffix}" for suffix in ("documents.parquet", "index.npy", "tfrecord")
    ]
    assert (output / "vocab.txt").read_bytes() == turned.read_bytes()
    assert albert_data("verify", output)[0] == 0
    assert json.loads(build(turned, output, "--overwrite")[1])["digest"] == fresh["digest"]
    (output / "vocab.txt").write_bytes(old.read_bytes())  # a vocabulary changed behind the dataset's back
    code, _, err = albert_data("inspect", output)
    assert code == 2
    assert "vocab.txt has SHA-256" in err
    assert albert_data("verify", output)[0] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-seq-length", 16, "--max-predictions-per-seq", 17], "--max-predictions-per-seq 17 does not fit --max-seq-length 16"),
        (["--max-seq-length", 16, "--max-predictions-per-seq", 14], "--max-predictions-per-seq 14 does not fit --max-seq-length 16"),
        (["--max-seq-length", 16, "--max-predictions-per-seq", 0], "--max-predictions-per-seq 0 does not fit --max-seq-length 16"),
        (["--dupe-factor", -1], "--dupe-factor -1 is not between"),
        (["--dupe-factor", 0, "--masking", "dynamic"], "--dupe-factor 0 is not between"),
        (["--max-seq-length", 65_536], "--max-seq-length 65536 is not between"),
        (["--length-bins", "32,16,64"], "--length-bins 32,16,64 do not ascend"),
        (["--length-bins", "32,x"], "'32,x' is not a list of whole numbers"),
    ],
)
def test_numbers_that_cannot_be_are_refused_before_anything_is_written(albert_data, tmp_path, options, message):
    output = tmp_path / "out"
    code, out, err = albert_data("build", "--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
    assert not output.exists()


def test_a_user_dictionary_with_bad_lines_is_refused_with_each_of_them(albert_data, tmp_path):
    words = tmp_path / "words.txt"
    words.write_bytes("区块链 12 n\n云计算 viele\n元宇宙 -3\n\n".encode() + b"\xff\xfe\n" + "大模型\n".encode())
    output = tmp_path / "out"
    arguments = ["--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL]
    code, out, err = albert_data("build", *arguments, "--user-dict", words)
    assert (code, out) == (2, "")
    first, *lines, _ = err.splitlines()
    assert first == f"albert-data: --user-dict {words}: 2 bad lines"
    assert [line.split()[1] for line in lines] == ["3:", "5:"]
    assert not output.exists()
    code, _, err = albert_data("build", *arguments, "--user-dict", tmp_path / "nowhere.txt")
    assert code == 2
    assert "nowhere.txt" in err
