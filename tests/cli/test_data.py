"""albert-data as a user meets it: what is printed, where, and with which exit code."""

import json
import lzma
import shutil

import pytest

from tests.samples import DIRTY, ENCYCLOPEDIA, NEWS, write_vocabulary

SMALL = ["--max-seq-length", "64", "--dupe-factor", "1"]


def test_a_build_says_what_became_of_the_corpus(albert_data, tmp_path):
    vocab, output = write_vocabulary(tmp_path), tmp_path / "shards"
    code, out, err = albert_data("build", "--corpus", NEWS, "--corpus", ENCYCLOPEDIA, "--vocab", vocab, "--output", output, *SMALL)
    assert code == 0, err
    assert err == ""
    assert "documents   94 read, 92 kept, 2 rejected" in out
    assert "1  exact_duplicate" in out
    assert f"look at it  albert-data inspect {output}" in out
    code, out, _ = albert_data("build", "--corpus", NEWS, "--corpus", ENCYCLOPEDIA, "--vocab", vocab, "--output", output, *SMALL, "--json")
    manifest = json.loads(out)
    assert manifest["documents"]["kept"] == 92
    code, out, _ = albert_data("inspect", output, "-n", 2)
    assert [line[0] for line in out.splitlines() if line[:2] in ("A ", "B ")] == ["A", "B"] * 2
    assert "→[MASK]】" in out
    code, out, _ = albert_data("inspect", output, "-n", 2, "--json")
    shown = [json.loads(line) for line in out.splitlines()]
    assert [one["instance"] for one in shown] == [0, 1]
    code, out, _ = albert_data("inspect", output, "--document", shown[1]["origin"]["document_id"], "-n", 1000, "--json")
    assert shown[1] in [json.loads(line) for line in out.splitlines()]
    assert albert_data("verify", output)[:2] == (0, f"{output}: everything is as the manifest says\n")
    shard = output / "train-00000-of-00001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-1])
    code, out, _ = albert_data("verify", output, "--json")
    assert code == 1
    assert not json.loads(out)["ok"]


def test_predictions_follow_length_and_probability(albert_data, tmp_path):
    vocab = write_vocabulary(tmp_path)
    settings = ["--corpus", NEWS, "--vocab", vocab, "--masking", "dynamic", "--json"]
    first = json.loads(albert_data("build", *settings, "--output", tmp_path / "a")[1])["parameters"]
    assert (first["max_seq_length"], first["max_predictions_per_seq"], first["max_ngram"], first["dupe_factor"]) == (512, 51, 3, 1)
    second = json.loads(albert_data("build", *settings, "--output", tmp_path / "b", "--max-seq-length", 128, "--mask-unit", "token")[1])
    assert (second["parameters"]["max_predictions_per_seq"], second["parameters"]["max_ngram"]) == (13, 1)


def test_too_few_predictions_warn(albert_data, tmp_path):
    vocab = write_vocabulary(tmp_path)
    code, _, err = albert_data(
        "build",
        "--corpus",
        NEWS,
        "--vocab",
        vocab,
        "--output",
        tmp_path / "a",
        *SMALL,
        "--masked-lm-prob",
        "0.15",
        "--max-predictions-per-seq",
        6,
    )
    assert code == 0
    assert "warning: --max-predictions-per-seq 6 holds less than the 10 that --masked-lm-prob 0.15 asks for" in err


def test_a_vocabulary_that_does_not_fit_warns_and_a_corpus_of_single_sentences_is_refused(albert_data, tmp_path):
    vocab, corpus = tmp_path / "vocab.txt", tmp_path / "lines.jsonl"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n。\n", "utf-8")
    code, out, err = albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--output", tmp_path / "a", *SMALL)
    assert code == 0
    assert err.startswith("albert-data: warning: [UNK] is more than 5% of the tokens of a sample (")
    assert err.splitlines()[1].startswith("                      the vocabulary does not fit this text: give another --vocab, ")
    assert len(err.splitlines()) == 2
    assert out.startswith("warning     [UNK] is more than 5% of the tokens: news ")
    corpus.write_text('{"text": "北京大学的学生在图书馆里读书。"}\n', "utf-8")
    settings = ["--rule", "min_han=1", "--eval-fraction", 0, *SMALL]
    code, out, err = albert_data("build", "--corpus", corpus, "--vocab", write_vocabulary(tmp_path), "--output", tmp_path / "b", *settings)
    assert (code, out) == (2, "")
    assert "no instance came of 1 documents: each of 1 chunks is one sentence without a clause mark" in err
    assert not (tmp_path / "b" / "manifest.json").exists()


BAD = {
    "missing file": (["--corpus", "none/at/all.txt"], "there is no file 'none/at/all.txt'"),
    "empty glob": (["--corpus", "none/*.txt"], "no file matches 'none/*.txt'"),
    "no corpus": ([], "no --corpus"),
    "short sequences": (["--corpus", NEWS, "--max-seq-length", 4], "--max-seq-length 4 is not between 8 and"),
    "many predictions": (
        ["--corpus", NEWS, "--max-seq-length", 64, "--max-predictions-per-seq", 80],
        "--max-predictions-per-seq 80 does not fit",
    ),
    "misspelt option": (["--corpus", NEWS, "--max-predictons-per-seq", 20], "no such option: --max-predictons-per-seq"),
    "misspelt option of Beam": (["--corpus", NEWS, "--diretc_num_workers=2"], "did you mean --direct_num_workers?"),
    "no number": (["--corpus", NEWS, "--dupe-factor", "ten"], "'ten' is not a valid integer"),
    "no copies": (["--corpus", NEWS, "--dupe-factor", 0], "--dupe-factor 0 is not between"),
    "no words": (["--corpus", NEWS, "--max-ngram", 0], "--max-ngram 0 is not between"),
    "unknown kind": (["--corpus", NEWS, "--masking", "magic"], "'magic' is not one of 'static', 'dynamic'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_two_lines_and_exit_code_2(albert_data, tmp_path, name):
    arguments, message = BAD[name]
    output = tmp_path / "shards"
    code, out, err = albert_data("build", "--vocab", write_vocabulary(tmp_path), "--output", output, *arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.startswith("albert-data: ")
    assert len(err.splitlines()) >= 2
    assert "Traceback" not in err
    assert not output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "lacks [MASK]"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + b"\n".join(b"%d" % i for i in range(70_000)), "at most 65,536"),
    ],
)
def test_a_vocabulary_that_cannot_serve_stops_a_build_at_once(albert_data, tmp_path, content, message):
    vocab = tmp_path / "vocab.txt"
    if content is not None:
        vocab.write_bytes(content)
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--output", tmp_path / "shards")
    assert code == 2
    assert message in err
    assert not (tmp_path / "shards").exists()


def test_a_truncated_file_is_named_and_nothing_looks_whole(albert_data, tmp_path):
    packed = tmp_path / "news.txt.xz"
    packed.write_bytes(lzma.compress(NEWS.read_bytes())[:-2000])
    output = tmp_path / "shards"
    arguments = ["build", "--corpus", packed, "--vocab", write_vocabulary(tmp_path), "--output", output, *SMALL]
    code, _, err = albert_data(*arguments)
    assert code == 2
    assert "news.txt.xz" in err
    assert "--allow-damaged-files" in err
    assert not (output / "manifest.json").exists()
    code, out, _ = albert_data(*arguments, "--allow-damaged-files")
    assert code == 0
    assert "damaged     1 files or members of archives: what they lost is not counted" in out
    assert "- 1 files or members of archives were damaged" in (output / "README.md").read_text("utf-8")
    assert json.loads(albert_data(*arguments, "--allow-damaged-files", "--json")[1])["files"] == {"read": 1, "damaged": 1}


def test_an_output_that_cannot_be_written_is_named(albert_data, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", write_vocabulary(tmp_path), "--output", tmp_path / "file" / "shards")
    assert code == 2
    assert "cannot be written" in err


def test_help_is_quick_and_has_examples(albert_data):
    for command in ("build", "clean", "instances", "formats", "inspect", "verify", "vocab"):
        code, out, _ = albert_data(command, "--help")
        assert code == 0
        assert "Example" in out


def test_what_is_no_dataset_is_refused(albert_data, tmp_path):
    for command in ("inspect", "verify"):
        code, _, err = albert_data(command, tmp_path)
        assert code == 2
        assert "manifest.json" in err


def test_the_two_halves_of_a_build_make_the_same_dataset(albert_data, tmp_path):
    vocab, whole, parts = write_vocabulary(tmp_path), tmp_path / "whole", tmp_path / "parts"
    corpus = ["--corpus", NEWS, "--corpus", DIRTY]
    built = json.loads(albert_data("build", *corpus, "--vocab", vocab, "--output", whole, *SMALL, "--json")[1])
    code, out, err = albert_data("clean", *corpus, "--output", parts, "--export", "jsonl")
    assert (code, err) == (0, "")
    assert f"go on       albert-data instances --documents {parts}" in out
    assert "news" in out
    lines = [line for path in (parts / "jsonl").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == built["documents"]["kept"]
    assert albert_data("verify", parts)[0] == 0
    shown = albert_data("inspect", parts / "jsonl", "-n", 1, "--json")[1]
    assert set(json.loads(shown)) == {"document_id", "source", "origin", "title", "text"}
    made = json.loads(albert_data("instances", "--documents", parts, "--vocab", vocab, "--output", parts, *SMALL, "--json")[1])
    assert made["digest"] == built["digest"]
    assert made["account"] == built["account"]
    elsewhere = json.loads(
        albert_data("instances", "--documents", parts, "--vocab", vocab, "--output", tmp_path / "c", *SMALL, "--json")[1]
    )
    assert elsewhere["digest"] == built["digest"]
    assert "| news |" in (whole / "README.md").read_text("utf-8")
    part = next((parts / "documents").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    assert albert_data("verify", parts)[0] == 1


def test_documents_and_rejects_are_shown(albert_data, tmp_path):
    output = tmp_path / "out"
    albert_data("clean", "--corpus", NEWS, "--corpus", DIRTY, "--output", output)
    code, out, _ = albert_data("inspect", output / "documents", "-n", 2, "--json")
    assert code == 0
    assert [set(json.loads(line)) for line in out.splitlines()] == [{"document_id", "source", "origin", "title", "text"}] * 2
    code, out, _ = albert_data("inspect", output / "rejects", "-n", 1)
    assert "too_few_han  dirty  " in out
    assert "Han characters, fewer than" in out
    shutil.rmtree(output / "rejects")
    code, out, _ = albert_data("verify", output)
    assert code == 1
    assert "rejects/clean/dirty/too_few_han.jsonl: cannot be read" in out


def test_a_limit_is_not_taken_for_documents_that_were_lost(albert_data, tmp_path):
    code, out, err = albert_data("clean", "--corpus", NEWS, "--limit", 5, "--output", tmp_path / "out")
    assert (code, err) == (0, "")
    assert "documents   5 read (27 beyond the limit), 5 kept, 0 rejected" in out
    assert albert_data("verify", tmp_path / "out")[0] == 0


def test_rules_are_printed_set_and_explained(albert_data, tmp_path):
    code, out, _ = albert_data("clean", "--print-rules", "--rule", "min_han=7")
    assert code == 0
    assert "min_han: 7" in out
    (tmp_path / "rules.yaml").write_text(out)
    code, out, _ = albert_data("clean", "--print-rules", "--rules", tmp_path / "rules.yaml", "--rule", "min_jaccard=0", "--json")
    assert (json.loads(out)["min_han"], json.loads(out)["min_jaccard"]) == (7, 0)
    (tmp_path / "more.yaml").write_text("min-jaccard: 0.9\nmin-han: 30\n")
    more = ["--rules", tmp_path / "more.yaml", "--rule", "min_han=40"]
    rules = json.loads(albert_data("clean", "--print-rules", *more, "--json")[1])
    assert (rules["min_han"], rules["min_jaccard"]) == (40, 0.9)
    assert json.loads(albert_data("clean", "--print-rules", *more, "--near-duplicates", 0, "--json")[1])["min_jaccard"] == 0
    code, out, _ = albert_data("clean", "--corpus", DIRTY, "--explain", "-n", 20)
    assert code == 0
    assert "drop_short_lines: " in out
    assert "dropped, invalid_json: not JSON" in out
    assert len(albert_data("clean", "--corpus", DIRTY, "--explain", "-n", 3, "--json")[1].splitlines()) == 3


def test_sources_come_from_a_file(albert_data, tmp_path):
    listed = f"- name: 新闻\n  corpus: {NEWS}\n  licence: CC0\n  weight: 2\n- name: forum\n  corpus: [{DIRTY}]\n  priority: 5\n"
    (tmp_path / "sources.yaml").write_text(listed, "utf-8")
    code, out, err = albert_data("clean", "--corpora", tmp_path / "sources.yaml", "--output", tmp_path / "out", "--json")
    assert code == 0, err
    assert [(source["name"], source["licence"], source["weight"]) for source in json.loads(out)["sources"]] == [
        ("新闻", "CC0", 2.0),
        ("forum", "", 1.0),
    ]


def test_the_catalogue_names_formats_and_corpora(albert_data):
    code, out, _ = albert_data("formats")
    assert code == 0
    assert "wiki2019zh" in out
    assert "markdown" in out
    names = {entry["name"] for entry in json.loads(albert_data("formats", "--json")[1])}
    assert {"text", "jsonl", "csv", "parquet", "html", "warc", "mediawiki_xml"} <= names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", NEWS], "Missing option '--output'"),
        (["--corpus", NEWS, "--output", "x", "--rule", "min_han"], "--rule min_han has no value"),
        (["--corpus", NEWS, "--output", "x", "--rule", "min_hna=3"], "no cleaning option min_hna"),
        (["--corpus", NEWS, "--output", "x", "--rules", "nowhere.yaml"], "--rules nowhere.yaml cannot be read"),
        (["--corpora", "nowhere.yaml", "--output", "x"], "--corpora nowhere.yaml cannot be read"),
        (["--corpus", NEWS, "--output", "x", "--decontaminate", "nowhere*"], "--decontaminate nowhere* matches no file"),
        (["--corpus", NEWS, "--output", "x", "--fields", "body=text"], "body"),
        (["--output", "x"], "no --corpus"),
        (["--corpora", "a.yaml", "--fields", "text=body", "--output", "x"], "--fields means the files of --corpus, and there are none"),
        (["--corpus", NEWS, "--output", "x", "--rules", "numbers.yaml"], "no cleaning option 1"),
        (["--corpus", NEWS, "--output", "x", "--corpus", f"text={NEWS}", "-n", 3], "-n says how many documents --explain shows"),
        (["--corpus", NEWS, "--explain", "--output", "x"], "--explain writes nothing, and --output means nothing beside it"),
        (["--corpus", NEWS, "--explain", "--sample", 1.0], "--sample means nothing beside it"),
        (["--corpus", NEWS, "--explain", "--decontaminate", NEWS], "--decontaminate means nothing beside it"),
        (["--corpus", NEWS, "--explain", "--export", "jsonl"], "--export means nothing beside it"),
        (["--corpus", NEWS, "--explain", "--near-duplicates", 0], "--near-duplicates means nothing beside it"),
        (["--explain", "--print-rules"], "--print-rules writes nothing, and --explain means nothing beside it"),
        (["--corpus", NEWS, "--print-rules"], "--corpus means nothing beside it"),
    ],
)
def test_a_mistake_in_cleaning_is_two_lines_and_exit_code_2(albert_data, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numbers.yaml").write_text("1: 2\n")
    code, out, err = albert_data("clean", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err
    assert not (tmp_path / "x").exists()
