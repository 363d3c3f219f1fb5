import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evaluation_runs import ANCHOR, MIN_RUN, find_runs, fold, make_index

QUESTION = "北京大学的图书馆是在哪一年建成的呢它的第一任馆长又是哪一位先生后来怎么样了"  # 37 characters


def found(documents: list[str], texts: list[str], min_run: int = MIN_RUN) -> list[tuple[int, int, str]]:
    index = make_index(((0, line, text) for line, text in enumerate(texts, 1)), min_run)
    return [
        (run.row, int(index.places[run.text, 1]), run.characters) for run in find_runs(pa.array(documents, pa.string()), index, min_run)
    ]


def test_width_case_and_punctuation_do_not_count():
    folded, bounds = fold(pa.array(["Ａb，１ 。\n２㊀㈠", "", "甲𠀀－乙"], pa.string()))
    assert ["".join(map(chr, folded[bounds[i] : bounds[i + 1]])) for i in range(3)] == ["ab12一㈠", "", "甲𠀀乙"]


@pytest.mark.parametrize(("length", "is_found"), [(MIN_RUN, True), (MIN_RUN - 1, False)])
@pytest.mark.parametrize("start", range(8))
def test_a_run_of_the_right_length_is_found_wherever_it_begins(start, length, is_found):
    run = QUESTION[start : start + length]
    document = f"前面是别的文字，{run[:9]}，\n{run[9:]}。尾声是别的文字"
    assert found([document], [QUESTION]) == ([(0, 1, run)] if is_found else [])


@pytest.mark.parametrize(("length", "is_found"), [(ANCHOR, True), (ANCHOR - 1, False)])
def test_a_short_text_must_be_there_as_a_whole_and_not_be_too_short(length, is_found):
    text = QUESTION[:length]
    assert found([f"问：{text}？"], [text]) == ([(0, 1, text)] if is_found else [])
    assert found([f"问：{text[1:]}？", f"问：{text[:-1]}？"], [text]) == []


def test_the_whole_run_is_shown_and_the_first_counts():
    assert found([f"甲{QUESTION}乙", "别的"], ["别的问题", QUESTION]) == [(0, 2, QUESTION)]
    other = "上海交通大学的校园里有几座历史悠久的红砖老楼房子每年春天都开满樱花吸引游客"
    assert found([f"{other}{QUESTION}"], [QUESTION, other]) == [(0, 2, other)]


def test_letters_and_digits_alone_are_no_run():
    licence = "THE SOFTWARE IS PROVIDED AS IS WITHOUT WARRANTY OF ANY KIND"
    text = f"{licence}，{QUESTION[:20]}"
    assert found([f"许可：{licence}。"], [text]) == []
    assert found([f"许可：{text}"], [text])[0][1] == 1


def test_texts_and_documents_do_not_run_into_each_other():
    assert found([QUESTION], [QUESTION[:15], QUESTION[15:]], 20) == [(0, 2, QUESTION[15:])]
    assert found([QUESTION[:15], QUESTION[15:29]], [QUESTION], 20) == []


def test_no_texts_and_no_documents():
    assert found([QUESTION], []) == []
    assert found([], [QUESTION]) == []


def folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", character).lower() for character in text if character.isalnum())


TEXT = st.text(alphabet="甲乙，Ａ", max_size=60)


@settings(max_examples=60)
@given(st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=3), st.integers(ANCHOR, 24))
def test_what_is_found_is_what_brute_force_finds(documents, texts, min_run):
    """Every document that shares a run which is Chinese enough, and no other."""

    def is_shared(document: str, text: str) -> bool:
        if sum("\u4e00" <= character <= "\u9fff" for character in text) < ANCHOR:
            return False
        length = min(min_run, len(text))
        runs = {text[i:end] for i in range(len(text)) for end in range(i + length, len(text) + 1)}
        return any(run in document and sum(character != "a" for character in run) >= ANCHOR for run in runs)

    bare = [folded(text) for text in texts]
    result = found(documents, texts, min_run)
    assert [row for row, _, _ in result] == [row for row, text in enumerate(documents) if any(is_shared(folded(text), one) for one in bare)]
    for row, line, run in result:
        assert run in folded(documents[row])
        assert run in bare[line - 1]
        assert len(run) >= min(min_run, len(bare[line - 1]))
