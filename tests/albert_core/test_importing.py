import numpy as np
import pytest

from albert_core.errors import AlbertError
from albert_core.importing import count_taken, import_model
from albert_core.model_source import load_model, read_model
from albert_core.parameters import Heads
from tests.albert_core.test_exporting import VOCABULARY, save
from tests.albert_core.test_model_source import numbers, write_checkpoint
from tests.albert_core.test_modeling import SMALL, VARIANTS, random_inputs, with_random_weights

WORDS, BIAS, POSITIONS = "bert/embeddings/word_embeddings", "cls/predictions/output_bias", "bert/embeddings/position_embeddings"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_weights_come_over_bit_for_bit(tmp_path, name):
    model = with_random_weights(VARIANTS[name], heads=Heads(num_labels=3))
    extra = {"global_step": np.int64(7), "bert/pooler/dense/kernel/lamb_m": np.zeros((12, 12), np.float32)}
    write_checkpoint(tmp_path / "m", numbers(model) | extra, model.config.to_json())
    source = import_model(tmp_path / "m", tmp_path / "out")
    again = load_model(tmp_path / "out")
    assert again.config == model.config
    assert {n: v.tobytes() for n, v in numbers(again).items()} == {n: v.tobytes() for n, v in numbers(model).items()}
    assert sum(count.values for count in count_taken(source).values()) == sum(v.size for v in numbers(model).values())
    assert sorted(source.skipped) == sorted(extra)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("config.json", "model.ckpt.data-00000-of-00001", "model.ckpt.index", "normalization.json", "vocab.txt")
    ]


def test_another_vocabulary_moves_the_rows_with_their_tokens(tmp_path):
    model = save(tmp_path / "m", SMALL)
    tokens = VOCABULARY.decode().split()
    new = [*tokens[:5], *reversed(tokens[15:]), "新", "词"]  # ten are left out, two are unknown
    (tmp_path / "new.txt").write_text("".join(f"{token}\n" for token in new))
    source = import_model(tmp_path / "m", tmp_path / "out", vocab=tmp_path / "new.txt")
    assert source.notes == ["30 word vectors carried over by token, 2 new (the mean of all), 10 left"]
    imported = load_model(tmp_path / "out")
    assert imported.config.vocab_size == 32 == read_model(tmp_path / "out").tokenizer().size
    for name in (WORDS, BIAS):
        before, after = model.weights[name].numpy(), imported.weights[name].numpy()
        for row, token in enumerate(new[:30]):
            np.testing.assert_array_equal(after[row], before[tokens.index(token)])
        np.testing.assert_allclose(after[30], before.mean(0), atol=1e-6)
        np.testing.assert_array_equal(after[30], after[31])
    old_ids = np.array([[tokens.index(token) for token in new[2:10]]], np.int32)
    new_ids = np.arange(2, 10, dtype=np.int32)[None]
    ones = np.ones_like(new_ids)
    np.testing.assert_allclose(imported(new_ids, ones, ones).sequence_output, model(old_ids, ones, ones).sequence_output, atol=1e-6)


def test_the_same_vocabulary_changes_nothing(tmp_path):
    model = save(tmp_path / "m", SMALL)
    (tmp_path / "same.txt").write_bytes(VOCABULARY)
    assert import_model(tmp_path / "m", tmp_path / "out", vocab=tmp_path / "same.txt").notes == []
    assert (numbers(load_model(tmp_path / "out"))[WORDS] == numbers(model)[WORDS]).all()


def test_more_positions_repeat_the_old_ones(tmp_path):
    model = save(tmp_path / "m", SMALL)
    import_model(tmp_path / "m", tmp_path / "out", extend_positions=24)
    longer = load_model(tmp_path / "out")
    assert longer.config.max_position_embeddings == 24
    np.testing.assert_array_equal(longer.weights[POSITIONS][10:20], model.weights[POSITIONS])
    np.testing.assert_array_equal(longer.weights[POSITIONS][20:], model.weights[POSITIONS][:4])
    np.testing.assert_array_equal(longer(*random_inputs(SMALL)).sequence_output, model(*random_inputs(SMALL)).sequence_output)
    assert longer(*random_inputs(SMALL, tokens=24)).sequence_output.shape == (3, 24, 12)
    with pytest.raises(AlbertError, match=r"--extend-positions 10: .* has 10 positions already"):
        import_model(tmp_path / "m", tmp_path / "out2", extend_positions=10)


def test_a_model_needs_its_own_vocabulary(tmp_path):
    folder = write_checkpoint(tmp_path / "m", with_random_weights(SMALL).weights, SMALL.to_json())
    (folder / "vocab.txt").write_bytes(VOCABULARY + "多\n".encode())
    with pytest.raises(AlbertError, match=r"has 41 entries, .* 40 rows of word embeddings\n.*--vocab FILE"):
        import_model(folder, tmp_path / "out")
    (folder / "vocab.txt").unlink()
    with pytest.raises(AlbertError, match=r"has no vocab\.txt beside it\ngive the one that it was trained with: --vocab FILE"):
        import_model(folder, tmp_path / "out")
    (tmp_path / "v.txt").write_bytes(VOCABULARY)
    assert import_model(folder, tmp_path / "out", vocab=tmp_path / "v.txt").vocabulary == VOCABULARY
    with pytest.raises(AlbertError, match="nothing is overwritten"):
        import_model(folder, tmp_path / "out", vocab=tmp_path / "v.txt")
    with pytest.raises(AlbertError, match=r"vocabulary .*nowhere\.txt: No such file"):
        import_model(folder, tmp_path / "out2", vocab=tmp_path / "nowhere.txt")


def test_a_vocabulary_of_another_language_is_refused(tmp_path):
    save(tmp_path / "m", SMALL)
    tokens = VOCABULARY.decode().split()[:5] + [f"word{i}" for i in range(30)]
    (tmp_path / "v.txt").write_text("".join(f"{token}\n" for token in tokens))
    with pytest.raises(AlbertError, match="shares 5 of its 35 tokens"):
        import_model(tmp_path / "m", tmp_path / "out", vocab=tmp_path / "v.txt")
    assert not (tmp_path / "out").exists()
