import pytest

from corpora.errors import CorpusError
from corpora.files import CorpusSpec
from corpora.formats import FORMATS, parse_corpus


def test_a_format_counts_only_if_the_catalogue_has_it():
    assert parse_corpus("wiki2019zh=a/*.json") == CorpusSpec("wiki2019zh", "a/*.json")
    assert parse_corpus("date=2024/*.json") == CorpusSpec(None, "date=2024/*.json")
    assert parse_corpus("text=a=b.txt") == CorpusSpec("text", "a=b.txt")


@pytest.mark.parametrize("value", ["", "jsonl="])
def test_a_corpus_without_files_is_refused(value):
    with pytest.raises(CorpusError, match="names no file\ngive it as"):
        parse_corpus(value)


@pytest.mark.parametrize("name", FORMATS)
def test_the_examples_of_the_catalogue_parse(name):
    assert FORMATS[name].name == name
    assert parse_corpus(FORMATS[name].example).format == name
