"""--language, --segmenter and --user-dict as a user meets them."""

import hashlib
import json

from tests.samples import NEWS, write_vocabulary

SETTINGS = ["--masking", "dynamic", "--max-seq-length", "64", "--num-shards", "1", "--eval-fraction", "0"]
ENGLISH = (
    "Mr. Brown walked to the market on a cold morning. He wanted bread, milk and a newspaper. “Is it open?” he asked. It was.\n"
    "The baker had been up since four. She sold him two loaves, e.g. the one with seeds. He paid $3.50 and went home."
)


def test_english_is_kept_and_cut_into_instances_when_the_language_says_so(albert_data, tmp_path):
    (tmp_path / "english.txt").write_text(ENGLISH, "utf-8")
    vocab = tmp_path / "vocab.txt"
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters), *".,?$“”"]), "utf-8")
    same = ["--corpus", f"text={tmp_path / 'english.txt'}", "--vocab", vocab, *SETTINGS, "--max-seq-length", 128]
    code, out, err = albert_data("build", *same, "--language", "other", "--output", tmp_path / "other", "--json")
    assert code == 0, err
    manifest = json.loads(out)
    assert manifest["documents"] == {"read": 1, "kept": 1, "rejected": {}, "without_instances": 0}
    assert manifest["parameters"]["language"] == "other"
    assert manifest["parameters"]["clean"]["min_han"] == 0
    assert manifest["segmenter"] == {"name": "none", "version": None, "dictionary_sha256": None}
    code, out, _ = albert_data("inspect", tmp_path / "other" / "documents")
    assert "“Is it open?” he asked." in out
    code, _, err = albert_data("build", *same, "--language", "other", "--rule", "min_han=5", "--output", tmp_path / "strict")
    assert code == 2  # a rule that is given has the last word: nothing is left
    assert "too_few_han" in err
    code, _, err = albert_data("build", *same, "--language", "other", "--segmenter", "jieba", "--output", tmp_path / "both")
    assert (code, err.splitlines()[0]) == (2, "albert-data: --segmenter jieba with --language other")


def test_rules_of_a_language_are_printed(albert_data):
    assert "min_han: 20\n" in albert_data("clean", "--print-rules")[1]
    assert "min_han: 0\n" in albert_data("clean", "--print-rules", "--language", "other")[1]


def test_a_user_dictionary_is_named_in_the_manifest_and_makes_another_dataset(albert_data, tmp_path):
    vocab, words = write_vocabulary(tmp_path), tmp_path / "words.txt"
    words.write_text("新闻发布会 5 n\n气象局\n", "utf-8")
    same = ["--corpus", NEWS, "--vocab", vocab, *SETTINGS, "--json"]
    plain = json.loads(albert_data("build", *same, "--output", tmp_path / "plain")[1])
    code, out, err = albert_data("build", *same, "--user-dict", words, "--output", tmp_path / "mine")
    assert code == 0, err
    mine = json.loads(out)
    assert plain["parameters"]["user_dictionary"] is None
    assert mine["parameters"]["user_dictionary"] == {"sha256": hashlib.sha256(words.read_bytes()).hexdigest(), "words": 2}
    assert "气象局" not in out
    assert plain["segmenter"] == mine["segmenter"]
    assert (mine["segmenter"]["name"], len(mine["segmenter"]["dictionary_sha256"])) == ("rjieba", 64)
    assert plain["fingerprint"] != mine["fingerprint"]


def test_bad_lines_are_said_before_anything_is_built(albert_data, tmp_path):
    vocab, words = write_vocabulary(tmp_path), tmp_path / "words.txt"
    words.write_text("新闻发布会 viele\n气象局 -1\n", "utf-8")
    code, out, err = albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--user-dict", words, "--output", tmp_path / "out", *SETTINGS)
    assert (code, out) == (2, "")
    assert err.splitlines()[:2] == [
        f"albert-data: --user-dict {words}: 1 bad line",
        "             line 2: frequency '-1' is not a whole number above 0",
    ]
    assert not (tmp_path / "out").exists()
    code, _, err = albert_data("build", "--corpus", NEWS, "--vocab", vocab, "--user-dict", tmp_path / "no", "--output", tmp_path / "out")
    assert (code, err.splitlines()[0]) == (2, f"albert-data: --user-dict {tmp_path / 'no'}: No such file or directory")
