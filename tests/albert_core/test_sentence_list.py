import dataclasses

import numpy as np
import pytest

from albert_core.errors import AlbertError
from albert_core.modeling import Albert
from albert_core.prediction import Predictor
from albert_core.sentence_list import SentenceList, cut_text, digest_of
from albert_core.tokenization import Tokenizer
from tests.albert_core.small_dataset import VOCABULARY
from tests.albert_core.test_model_directory import CONFIG

TOKENIZER = Tokenizer(VOCABULARY)
TEXTS = ["春天来了。", "花开了。", "天黑了。", "我们去公园看花。"]


@pytest.fixture(scope="module")
def predictor():
    model = Albert(CONFIG, seed=5)
    for name, variable in model.weights.items():
        variable.assign(variable * 20 if "embeddings" in name else variable)
    return Predictor(model, TOKENIZER)


def chunks(text, most):
    return [text[start:end] for start, end in cut_text(*TOKENIZER.encode_offsets(text), text, most)]


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("花开了。", 4, ["花开了。"]),
        ("花开了。天黑了。", 4, ["花开了。", "天黑了。"]),
        ("花开了。天黑了。", 7, ["花开了。", "天黑了。"]),  # 7 would fit, but the sentence ends at 4
        ("花。天黑了黑了黑", 4, ["花。天黑", "了黑了黑"]),  # the sentence ends too early: half of the chunk would be lost
        ("花 开\n天黑了", 3, ["花 开\n", "天黑了"]),
        (" \n", 4, []),
    ],
)
def test_long_texts_are_cut_where_a_sentence_ends(text, most, expected):
    assert chunks(text, most) == expected


def test_nothing_is_left_out_between_chunks():
    text = "".join(np.random.default_rng(3).choice(list("花开了。天黑 \n"), 500))
    assert "".join(chunks(text, 17)).strip() == text.strip()
    assert all(len(TOKENIZER.encode(part)) <= 17 for part in chunks(text, 17))


def test_neighbours_are_those_of_all_cosines_sorted(predictor):
    several = SentenceList.make(predictor, TEXTS)
    for query in ("花开", "天黑了"):
        cosines = predictor.embed(TEXTS) @ predictor.embed([query])[0]
        found = several.nearest(predictor.embed([query]), top_k=3)[0]
        assert [each.number for each in found] == np.argsort(-cosines)[:3].tolist()
        np.testing.assert_allclose([each.similarity for each in found], np.sort(cosines)[::-1][:3], atol=1e-6)
        assert predictor.nearest(query, TEXTS, top_k=3) == predictor.nearest(query, several, top_k=3) == found


def test_a_text_is_as_near_as_its_nearest_chunk_which_is_named(predictor):
    long = "我们去公园看花。" * 3 + "天黑了。" + "春天来了。" * 3
    several = SentenceList.make(predictor, ["花开了。", long, "花开了。"], chunk_tokens=4)
    found = several.nearest(predictor.embed(["天黑了。", "花开了。"]), top_k=2)
    assert (found[0][0].number, found[0][0].part) == (1, "天黑了。")
    assert found[0][0].similarity == pytest.approx(1, abs=1e-5)
    assert [each.number for each in found[1]] == [0, 2]  # equals stand in the order of the list


def test_blocks_of_rows_change_nothing(predictor, monkeypatch):
    texts = [*TEXTS, "花开了。天黑了。春天来了。我们去看花。"] * 3
    whole = SentenceList.make(predictor, texts, chunk_tokens=4)
    vectors = predictor.embed(["花", "天黑"])
    expected = whole.nearest(vectors, top_k=7)
    monkeypatch.setattr("albert_core.sentence_list.ROWS", 3)
    assert whole.nearest(vectors, top_k=7) == expected


def test_vectors_are_kept_for_the_same_model_and_list_only(predictor, tmp_path):
    digest = digest_of(predictor, TEXTS)
    assert SentenceList.load(tmp_path / "none.npz", TEXTS, digest) is None
    SentenceList.make(predictor, TEXTS).save(tmp_path / "kept.npz", digest)
    again = SentenceList.load(tmp_path / "kept.npz", TEXTS, digest)
    np.testing.assert_array_equal(again.vectors, SentenceList.make(predictor, TEXTS).vectors)
    others = [
        digest_of(predictor, TEXTS[:-1]),
        digest_of(predictor, TEXTS, 64),
        digest_of(Predictor(Albert(CONFIG, seed=6), TOKENIZER), TEXTS),
        digest_of(Predictor(Albert(dataclasses.replace(CONFIG, hidden_act="relu"), seed=5), TOKENIZER), TEXTS),
    ]
    assert len({digest, *others}) == 5
    assert [SentenceList.load(tmp_path / "kept.npz", TEXTS, other) for other in others] == [None] * 4
    (tmp_path / "kept.npz").write_bytes(b"no archive")
    with pytest.raises(AlbertError, match=r"kept\.npz holds no vectors of a list"):
        SentenceList.load(tmp_path / "kept.npz", TEXTS, digest)


@pytest.mark.parametrize(("texts", "message"), [([], "the list is empty"), (["花", " "], "entry 2 of the list has no tokens")])
def test_lists_that_cannot_be_searched(predictor, texts, message):
    with pytest.raises(AlbertError, match=message):
        SentenceList.make(predictor, texts)
