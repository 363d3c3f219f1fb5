import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from albert_core.errors import AlbertError
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from pipelines.errors import BuildError
from pipelines.vocabulary_extension import (
    Added,
    ExtensionConfig,
    extend_vocabulary,
    lacking_characters,
    listed_entries,
    run_extend,
    wanted_entries,
)
from tests.samples import NEWS
from tests.shared_data import shared

ENTRIES = ["[PAD]", "[unused1]", "[unused2]", *SPECIAL_TOKENS[1:], "今", "天", "，", "a", "##b", "[unused3]", "好"]
CONTENT = "".join(f"{entry}\n" for entry in ENTRIES).encode()
MARKS = "“”‘’—–…"


def test_slots_are_taken_in_ascending_order_and_nothing_else_changes():
    extended = extend_vocabulary(CONTENT, ["…", "“", "docker"])
    assert extended.added == [Added("…", 1, "[unused1]"), Added("“", 2, "[unused2]"), Added("docker", 12, "[unused3]")]
    assert extended.num_slots_left == 0
    lines = extended.content.decode().split("\n")
    assert lines == ["[PAD]", "…", "“", *ENTRIES[3:12], "docker", "好", ""]


def test_line_ends_and_a_missing_last_one_stay_as_they_are():
    assert extend_vocabulary(CONTENT.replace(b"\n", b"\r\n"), ["…"]).content == CONTENT.replace(b"[unused1]", "…".encode()).replace(
        b"\n", b"\r\n"
    )
    assert extend_vocabulary(CONTENT.rstrip(b"\n"), ["…"]).content == CONTENT.replace(b"[unused1]", "…".encode()).rstrip(b"\n")


def test_an_entry_given_twice_counts_once():
    assert [added.token for added in extend_vocabulary(CONTENT, ["…", "“", "…"]).added] == ["…", "“"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("今", "'今' is there already, id 7"),
        ("[MASK]", "'[MASK]' is there already, id 6"),
        ("[unused2]", "is there already, id 2"),
        ("Docker", "can never be made: text is lower-cased and loses its accents, and shows 'docker'"),
        ("É", "and shows 'e'"),
        ("微信", "can never be made: BERT splits it into 微 信"),
        ("——", "BERT splits it into — —"),
        ("don't", "BERT splits it into don ' t"),
        ("##明", "can never be made: BERT parts 明 from what stands before"),
        ("##—", "can never be made: BERT parts — from what stands before"),
        ("##ER", "and shows 'er'"),
        ("a b", "holds white space, which separates tokens"),
        ("\u3000", "holds white space"),
        ("\ue000", "holds U+E000, a control, private-use or unassigned character"),
        ("\ud800", "holds U+D800"),
        ("\u200d", "holds U+200D"),
        ("", "'' is empty"),
        ("x" * 201, "has more than 200 characters"),
    ],
)
def test_what_no_text_can_ever_give_is_refused(entry, reason):
    with pytest.raises(BuildError) as refused:
        extend_vocabulary(CONTENT, ["…", entry], name="vocab.txt")
    first, fix = str(refused.value).splitlines()
    assert first.startswith("vocab.txt: ")
    assert reason in first
    assert fix == "leave it out; nothing was written"


def test_capitals_are_an_entry_where_nothing_is_lower_cased():
    assert extend_vocabulary(CONTENT, ["Docker"], lower_case=False).added == [Added("Docker", 1, "[unused1]")]


def test_too_few_slots_say_how_many():
    with pytest.raises(BuildError, match=r"4 entries do not fit into the 3 \[unused…\] slots of vocab\.txt\n"):
        extend_vocabulary(CONTENT, "…“”—", name="vocab.txt")
    with pytest.raises(BuildError, match="nothing to add"):
        extend_vocabulary(CONTENT, [])
    with pytest.raises(AlbertError, match="lacks"):
        extend_vocabulary(b"[PAD]\n", ["…"])


def test_a_text_is_the_entries_that_bert_parts_it_into():
    assert wanted_entries(MARKS) == list(MARKS)
    assert wanted_entries("微信 docker-compose\t##ing ##，") == ["微", "信", "docker", "-", "compose", "##ing", "##，"]
    assert listed_entries("\ufeff微信\r\n\n##ing\n".encode(), "f") == ["微信", "##ing"]
    with pytest.raises(BuildError, match="--add-file f: byte 0 is not UTF-8"):
        listed_entries(b"\xff", "f")


def test_characters_that_a_vocabulary_lacks_come_in_the_order_of_the_counts():
    counts = [("，", 9), ("“", 8), ("zz", 7), ("\ue000", 6), ("明", 5), ("今", 4)]
    assert list(lacking_characters(counts, Tokenizer(ENTRIES))) == [("“", 8), ("明", 5)]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """The released vocabulary with seven marks, and the library's own tokenizer of it."""
    result = extend_vocabulary(shared("data/vocab.txt").read_bytes(), MARKS)
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_bytes(result.content)
    library = BertWordPieceTokenizer(str(path), lowercase=True, clean_text=True, handle_chinese_chars=True)
    return result, Tokenizer.from_bytes(result.content), library


def test_marks_in_the_released_vocabulary_are_tokens_of_their_own(extended):
    result, tokenizer, _ = extended
    assert [added.id for added in result.added] == [1, 2, 3, 4, 5, 6, 7]
    assert result.num_slots_left == 92
    text = "他说：“今天——很好…”‘a’b–c"
    ids, starts = tokenizer.encode_offsets(text)
    assert tokenizer.tokens(text) == list(text)
    assert starts.tolist() == list(range(len(text)))
    assert [int(index) for index in ids if index < 8] == [1, 5, 5, 7, 2, 3, 4, 6]


@given(text=st.text(st.sampled_from(MARKS + "今天好aZé3 ，。#\n☆")))
def test_the_library_agrees_on_every_id_and_offset(extended, text):
    _, tokenizer, library = extended
    ids, starts = tokenizer.encode_offsets(text)
    encoding = library.encode(text, add_special_tokens=False)
    assert ids.tolist() == encoding.ids
    assert starts.tolist() == [start for start, _ in encoding.offsets]


def test_all_other_text_keeps_its_ids(extended):
    _, tokenizer, _ = extended
    text = NEWS.read_text("utf-8")
    before = Tokenizer.load(shared("data/vocab.txt")).encode(text)
    after = tokenizer.encode(text)
    assert len(before) == len(after)
    assert {(old, new) for old, new in zip(before, after, strict=True) if old != new} <= {
        (tokenizer.unk_id, index) for index in range(1, 8)
    }


def test_the_vocabulary_that_is_extended_is_not_written_over(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(CONTENT)
    with pytest.raises(BuildError, match="is the vocabulary that is extended"):
        ExtensionConfig(vocabulary=str(path), output=str(path), additions=("…",))
    with pytest.raises(BuildError, match=r"--extend .*none\.txt cannot be read"):
        run_extend(ExtensionConfig(vocabulary=str(tmp_path / "none.txt"), output=str(path), additions=("…",)), None)
    extended = run_extend(ExtensionConfig(vocabulary=str(path), output=str(tmp_path / "new.txt"), additions=("…",)), None)
    assert (extended.added, extended.num_slots_left) == ([Added("…", 1, "[unused1]")], 2)
    assert path.read_bytes() == CONTENT
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new.txt", "vocab.txt"]
