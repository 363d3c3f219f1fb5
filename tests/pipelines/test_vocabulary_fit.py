from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albert_core.tokenization import SPECIAL_TOKENS
from pipelines.instances import InstancesConfig
from pipelines.unknown_characters import readable
from pipelines.vocabulary_fit import MIN_SAMPLE_TOKENS, SAMPLE_CHARACTERS, misfit_of_sample, sample_counts, vocabulary_warning

CONFIG = InstancesConfig(vocabulary="".join(f"{token}\n" for token in (*SPECIAL_TOKENS, *"今天好。他说")).encode())


def source(share: float, *characters: tuple[str, float]) -> dict:
    return {"document_unknown_share": share, "unknown_characters": [{"text": text, "share": part} for text, part in characters]}


def test_up_to_five_per_cent_nothing_is_said():
    assert vocabulary_warning({"sources": {"wiki": source(0.05, ("“", 0.05)), "news": source(0.0)}}) is None
    assert vocabulary_warning({"sources": {}}) is None


def test_the_worst_source_comes_first_with_its_characters_and_the_fix():
    sources = {"wiki": source(0.051, ("“", 0.05)), "fine": source(0.01), "news": source(0.2, ("喵", 0.15), ("'", 0.04), ("\ue000", 0.01))}
    assert vocabulary_warning({"sources": sources}, " of a sample") == (
        "[UNK] is more than 5% of the tokens of a sample: news 20.0%, wiki 5.1%; there most often 喵 15.0%, ' 4.0%, U+E000 1.0%\n"
        "the vocabulary does not fit this text: give another --vocab, learn one (albert-data vocab), "
        """put them into this one (albert-data vocab --extend FILE --add '喵'"'"'')"""
    )


@pytest.mark.parametrize(("characters", "ending"), [([("“", 0.1)], "--rule fold_quotes=true)"), ([("\ue000", 0.1)], "(albert-data vocab)")])
def test_the_fix_is_one_that_helps(characters, ending):
    assert vocabulary_warning({"sources": {"a": source(0.1, *characters)}}).endswith(ending)


def test_at_most_five_sources_and_eight_characters_are_named():
    found = [(character, 0.01) for character in "一二三四五六七八九十"]
    message = vocabulary_warning({"sources": {f"s{n}": source(0.1, *found) for n in range(7)}})
    assert "s0 10.0%, s1 10.0%, s2 10.0%, s3 10.0%, s4 10.0% and 2 other sources; there most often 一 1.0%" in message
    assert "八" in message
    assert "九" not in message


def write(path: Path, *documents: tuple[str, str]) -> str:
    sources, texts = zip(*documents, strict=True)
    pq.write_table(pa.table({"document_id": [b"x"] * len(texts), "source": list(sources), "text": list(texts)}), path)
    return str(path)


def test_a_sample_is_counted_as_the_whole_would_be(tmp_path):
    paths = [write(tmp_path / "a", ("wiki", "他说“好”。"), ("news", "今天。")), write(tmp_path / "b", ("wiki", "今天喵"))]
    assert sample_counts(paths, CONFIG) == {
        "document_tokens@news": 3,
        "document_tokens@wiki": 9,
        "document_unknown@wiki": 3,
        "unknown.201C@wiki": 1,
        "unknown.201D@wiki": 1,
        "unknown.55B5@wiki": 1,
    }


def test_a_sample_is_bounded_and_holds_beginnings_of_books_only(tmp_path):
    paths = [write(tmp_path / name, *[(name, "今天" * 20_000)] * 64) for name in "abc"]
    assert sample_counts(paths, CONFIG) == {"document_tokens@a": 64 * 10_000}
    assert SAMPLE_CHARACTERS <= 64 * 10_000


def test_sources_of_which_the_sample_has_little_are_left_out(tmp_path):
    enough, little = MIN_SAMPLE_TOKENS, MIN_SAMPLE_TOKENS - 1
    paths = [write(tmp_path / "a", ("wiki", "喵" * enough), ("news", "喵" * little), ("fine", "好" * enough))]
    message = misfit_of_sample(paths, ["wiki", "news", "fine", "none"], CONFIG)
    assert message.startswith("[UNK] is more than 5% of the tokens of a sample (1,000): wiki 100.0%; there most often 喵 100.0%\n")
    assert misfit_of_sample(paths, ["fine"], CONFIG) is None


@pytest.mark.parametrize(("text", "shown"), [("喵", "喵"), ("\u0301", "U+0301"), ("\U0010fffd", "U+10FFFD"), ("(word of", "(word of")])
def test_what_cannot_be_seen_is_named(text, shown):
    assert readable(text) == shown


def test_a_file_that_cannot_be_read_is_left_to_the_job(tmp_path):
    (tmp_path / "a").write_bytes(b"no Parquet")
    paths = [str(tmp_path / "a"), str(tmp_path / "none"), write(tmp_path / "b", ("wiki", "今天"))]
    assert sample_counts(paths, CONFIG) == {"document_tokens@wiki": 2}
