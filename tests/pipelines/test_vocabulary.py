import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from corpora.sources import source_of
from pipelines.errors import BuildError
from pipelines.vocabulary import SplitWords, VocabularyConfig, learn_pieces, learn_vocabulary
from tests.samples import COMMUNITY, ENCYCLOPEDIA, NEWS


def test_words_are_split_as_bert_splits_them():
    splitter = SplitWords(lower_case=True)
    splitter.setup()
    assert [word.decode() for word in splitter.words("今天用Python3，É好!")] == ["今", "天", "用", "python3", "，", "e", "好", "!"]


def test_characters_that_stand_alone_get_no_pieces():
    counts = [("今", 9), ("，", 8), ("天", 7), ("hello", 6), ("help", 5), ("a", 4)]
    vocabulary = learn_pieces(counts, 60)
    assert vocabulary[:8] == [*SPECIAL_TOKENS, "今", "，", "天"]
    assert "##今" not in vocabulary
    tokenizer = Tokenizer(vocabulary)
    for word in ("hello", "help", "a"):
        assert "[UNK]" not in tokenizer.tokens(word)


def test_a_small_vocabulary_keeps_the_most_frequent_characters():
    assert learn_pieces([("今", 9), ("天", 7), ("明", 1)], 7) == [*SPECIAL_TOKENS, "今", "天"]


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(BuildError, match="no word occurs often enough"):
        learn_pieces([], 100)


@pytest.mark.parametrize("changes", [{"sources": ()}, {"size": 50}, {"size": 70_000}, {"min_count": 0}])
def test_options_that_cannot_be_learned_are_refused(tmp_path, changes):
    with pytest.raises(BuildError, match=next(iter(changes)).replace("_", "-").replace("sources", "corpus")):
        VocabularyConfig(**({"sources": (source_of(str(NEWS)),), "output": str(tmp_path / "vocab.txt")} | changes))


@pytest.mark.integration
def test_the_sample_corpus_gives_a_vocabulary_that_knows_it(tmp_path):
    output = tmp_path / "vocab.txt"
    corpora = tuple(source_of(corpus) for corpus in (str(ENCYCLOPEDIA), str(NEWS), f"{COMMUNITY}/*.txt"))
    entries = learn_vocabulary(VocabularyConfig(sources=corpora, output=str(output), size=4000, min_count=1), PipelineOptions([]))
    assert output.read_text("utf-8").splitlines() == entries
    tokenizer = Tokenizer.load(output)
    assert tokenizer.size <= 4000
    ids = tokenizer.encode(NEWS.read_text("utf-8"))
    assert ids.count(tokenizer.unk_id) / len(ids) < 0.01  # the lines that cleaning drops were not learned from
    assert tokenizer.vocab[5:8] == ["，", "的", "。"]
