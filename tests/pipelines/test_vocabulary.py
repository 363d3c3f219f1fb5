import pytest

from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from corpora.sources import source_of
from pipelines.count_words import CountingConfig, SplitWords
from pipelines.errors import BuildError
from pipelines.runners import parse_beam_options
from pipelines.vocabulary import Coverage, VocabularyConfig, cover, describe, kinds_of_entries, learn_pieces, learn_vocabulary
from pipelines.vocabulary_extension import ExtensionConfig, run_extend
from tests.pipelines.jobs import TWO_WORKERS
from tests.samples import COMMUNITY, DIRTY, ENCYCLOPEDIA, NEWS, write_vocabulary

SAMPLES = tuple(source_of(corpus) for corpus in (str(ENCYCLOPEDIA), str(NEWS), f"{COMMUNITY}/*.txt"))


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


def test_words_that_were_never_seen_are_made_of_pieces():
    counts = [("!", 9), ("hello", 6), ("help", 5), ("3", 4), ("p3", 4)]
    vocabulary = learn_pieces(counts, 60)
    assert "##!" not in vocabulary
    assert {"##h", "##e", "##l", "##o", "##p", "##3", "h", "3"} <= set(vocabulary)
    tokens = Tokenizer(vocabulary).tokens("leopoh3!")
    assert "[UNK]" not in tokens
    assert "".join(token.removeprefix("##") for token in tokens) == "leopoh3!"


def test_a_size_that_is_too_small_for_all_pieces_keeps_the_letters():
    counts = [("ab", 9), ("ba", 8), ("abab", 7)]
    vocabulary = learn_pieces(counts, 9)
    assert vocabulary[5:] == ["a", "b", "##a", "##b"]


def test_a_small_vocabulary_keeps_the_most_frequent_characters():
    assert learn_pieces([("今", 9), ("天", 7), ("明", 1)], 7) == [*SPECIAL_TOKENS, "今", "天"]


def test_rare_characters_leave_room_for_words():
    counts = [("的", 9_000), ("今", 990), ("docker", 500), ("龘", 9), ("𠮷", 1)]
    assert learn_pieces(counts, 100, 0.99)[5:7] == ["的", "今"]
    assert "龘" not in learn_pieces(counts, 100, 0.99)
    assert {"龘", "𠮷"} <= set(learn_pieces(counts, 100, 1.0))
    assert "龘" in learn_pieces(counts, 100, 0.9999)
    assert "𠮷" not in learn_pieces(counts, 100, 0.9999)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(BuildError, match="no word occurs often enough"):
        learn_pieces([], 100)


@pytest.mark.parametrize(
    "changes", [{"size": 50}, {"size": 70_000}, {"min_count": 0}, {"character_coverage": 0}, {"character_coverage": 2}]
)
def test_bad_options_are_named(changes):
    with pytest.raises(BuildError, match=f"--{next(iter(changes)).replace('_', '-')} "):
        VocabularyConfig(counting=CountingConfig(sources=SAMPLES), output="vocab.txt", **changes)


@pytest.mark.parametrize(
    ("changes", "message"), [({"sources": ()}, "no --corpus"), ({"sample": 0}, "--sample 0"), ({"limit": 0}, "--limit 0")]
)
def test_bad_choices_of_a_corpus_are_named(changes, message):
    with pytest.raises(BuildError, match=message):
        CountingConfig(**{"sources": SAMPLES} | changes)


def test_coverage_counts_each_word_as_often_as_it_occurs():
    tokenizer = Tokenizer([*SPECIAL_TOKENS, "今", "doc", "##ker"])
    assert cover([("今", 6), ("docker", 3), ("明", 1)], tokenizer) == Coverage(num_characters=25, num_tokens=13, num_unknown=1)
    assert Coverage(25, 13, 1).as_json() == {"characters": 25, "tokens": 13, "unknown_share": 0.076923, "tokens_per_character": 0.52}


def test_entries_are_of_five_kinds():
    entries = ["[PAD]", "[unused1]", "今", "豈", "，", "a", "#", "##", "docker", "##er"]
    assert kinds_of_entries(entries) == {"special": 2, "han": 2, "characters": 3, "words": 2, "pieces": 1}


def test_a_vocabulary_is_learned_from_a_corpus(tmp_path):
    """The same bytes with two workers, and of two corpora in any order."""
    paths = [str(tmp_path / name) for name in ("one.txt", "two.txt")]
    config = VocabularyConfig(counting=CountingConfig(sources=SAMPLES), output=paths[0], size=4000, min_count=1)
    learned = learn_vocabulary(config, parse_beam_options([]))
    other = VocabularyConfig(counting=CountingConfig(sources=SAMPLES[::-1]), output=paths[1], size=4000, min_count=1)
    learn_vocabulary(other, parse_beam_options(TWO_WORKERS))
    first, second = ((tmp_path / name).read_bytes() for name in ("one.txt", "two.txt"))
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.txt", "two.txt"]
    assert first.decode().splitlines() == learned.entries
    tokenizer = Tokenizer.from_bytes(first)
    assert tokenizer.size <= 4000
    ids = tokenizer.encode(NEWS.read_text("utf-8"))
    assert ids.count(tokenizer.unk_id) / len(ids) < 0.01  # the lines that cleaning drops were not learned from
    assert tokenizer.vocab[5:8] == ["，", "的", "。"]
    told = describe(learned, paths[0])
    assert told["coverage"]["unknown_share"] < 0.0002  # what the coverage of 0.9999 leaves out
    assert (
        told["documents"]["kept"] + sum(n for key, n in learned.account.items() if key.startswith("documents.rejected.") and "@" not in key)
        == (told["documents"]["read"])
    )


def test_a_limit_takes_so_many_records(tmp_path):
    config = VocabularyConfig(
        counting=CountingConfig(sources=SAMPLES[1:2], limit=5), output=str(tmp_path / "vocab.txt"), size=200, min_count=1
    )
    learned = learn_vocabulary(config, parse_beam_options([]))
    assert (learned.account["documents.kept"], learned.account["documents.beyond_limit"]) == (5, 27)


def test_a_corpus_of_which_nothing_is_left_says_why(tmp_path):
    (tmp_path / "short.txt").write_text("你好\n", "utf-8")
    config = VocabularyConfig(
        counting=CountingConfig(sources=(source_of(str(tmp_path / "short.txt")),)), output=str(tmp_path / "vocab.txt")
    )
    with pytest.raises(BuildError, match=r"no document is left of 1: \w+ 1\nsee what the rules do: albert-data clean --explain"):
        learn_vocabulary(config, parse_beam_options([]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.txt"]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "news.txt.xz").write_bytes(b"\xfd7zXZ\x00\x00\x04" + bytes(200))
    sources = (source_of(str(tmp_path / "news.txt.xz")), SAMPLES[0])
    config = VocabularyConfig(counting=CountingConfig(sources=sources), output=str(tmp_path / "vocab.txt"), size=500)
    with pytest.raises(BuildError, match=r"1 files or members of archives are damaged: .*news\.txt\.xz.*\n.*--allow-damaged-files"):
        learn_vocabulary(config, parse_beam_options([]))


def test_a_place_that_cannot_be_written_is_named_before_anything_is_counted(tmp_path):
    (tmp_path / "file").write_text("in the way")
    config = VocabularyConfig(counting=CountingConfig(sources=SAMPLES), output=str(tmp_path / "file" / "vocab.txt"))
    with pytest.raises(BuildError, match="cannot be written"):
        learn_vocabulary(config, parse_beam_options([]))


def test_a_vocabulary_gets_the_characters_that_a_corpus_has_most_of(tmp_path):
    """DIRTY has letters of other scripts and rare marks that the samples' vocabulary lacks."""
    vocabulary = write_vocabulary(tmp_path)
    with_slots = vocabulary.read_text("utf-8") + "".join(f"[unused{i}]\n" for i in range(9))
    vocabulary.write_text(with_slots, "utf-8")
    counting = CountingConfig(sources=(source_of(f"{COMMUNITY}/*.txt"), source_of(str(DIRTY))))
    config = ExtensionConfig(
        vocabulary=str(vocabulary), output=str(tmp_path / "new.txt"), additions=("龘",), counting=counting, count=3, min_count=1
    )
    extended = run_extend(config, parse_beam_options([]))
    assert [added.token for added in extended.added] == ["龘", *extended.counts]
    assert len(extended.counts) == 3
    assert sorted(extended.counts.values(), reverse=True) == list(extended.counts.values())
    assert extended.num_slots_left == 5
    tokenizer = Tokenizer.load(tmp_path / "new.txt")
    assert [tokenizer.encode(added.token) for added in extended.added] == [[added.id] for added in extended.added]
