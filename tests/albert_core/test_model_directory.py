import numpy as np
import pytest

import albert_core
from albert_core.checkpoints import CheckpointFolder, write_bundle
from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.huggingface import write_huggingface
from albert_core.model_directory import check_data_fits, find_model, find_vocabulary, new_folder, write_description, write_weights
from albert_core.model_source import load_model, read_model
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from tests.albert_core.small_dataset import VOCABULARY, write_dataset
from tests.shared_data import shared

CONFIG = AlbertConfig(
    vocab_size=len(VOCABULARY), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, embedding_size=4,
    max_position_embeddings=32,
)  # fmt: skip
CONTENT = "".join(f"{token}\n" for token in VOCABULARY).encode()


def same_weights(first, second):
    return all((variable.numpy() == second.weights[name].numpy()).all() for name, variable in first.weights.items())


@pytest.fixture
def model():
    return Albert(CONFIG, seed=4)


def test_a_directory_comes_back_bit_for_bit(tmp_path, model):
    write_description(tmp_path, CONFIG, CONTENT, {"lower_case": False})
    write_weights(tmp_path, model)
    loaded = albert_core.load_model(tmp_path)
    assert loaded.config == CONFIG
    assert same_weights(loaded, model)
    tokenizer = read_model(tmp_path).tokenizer()
    assert (tokenizer.vocab, tokenizer.lower_case) == (VOCABULARY, False)


def test_a_hugging_face_folder_is_a_model_too(tmp_path, model):
    write_huggingface(tmp_path, model, vocabulary=CONTENT, normalization={"lower_case": True})
    assert load_model(tmp_path).config == CONFIG
    assert same_weights(load_model(tmp_path), model)
    assert read_model(tmp_path).tokenizer().vocab == VOCABULARY


def test_of_an_unfinished_run_the_newest_checkpoint_is_taken(tmp_path, model):
    write_description(tmp_path, CONFIG, CONTENT, {})
    folder = CheckpointFolder(path=tmp_path / "checkpoints")
    folder.save(1, Albert(CONFIG, seed=1).weights)
    folder.save(2, model.weights)
    assert same_weights(load_model(tmp_path), model)
    assert same_weights(load_model(tmp_path / "checkpoints" / "model.ckpt-1"), Albert(CONFIG, seed=1))  # config.json is a folder above
    assert read_model(tmp_path / "checkpoints" / "model.ckpt-1").tokenizer().size == len(VOCABULARY)


def test_a_released_folder_names_its_files_otherwise(tmp_path, model):
    write_bundle(tmp_path / "albert_model.ckpt", model.weights)
    write_description(tmp_path, CONFIG, CONTENT, {})
    (tmp_path / "config.json").rename(tmp_path / "albert_config_tiny.json")
    assert same_weights(load_model(tmp_path), model)


def test_a_configuration_can_be_given(tmp_path, model):
    write_bundle(tmp_path / "albert_model.ckpt", model.weights)
    with pytest.raises(AlbertError, match=r"holds no config\.json"):
        load_model(tmp_path)
    assert same_weights(load_model(tmp_path, config=CONFIG), model)


def test_another_configuration_names_the_tensor_and_both_shapes(tmp_path, model):
    write_bundle(tmp_path / "albert_model.ckpt", model.weights)
    other = AlbertConfig(**{**CONFIG.to_json(), "vocab_size": 99})
    with pytest.raises(AlbertError, match=rf"bert/embeddings/word_embeddings has shape \[{len(VOCABULARY)}, 4\], .* asks for \[99, 4\]"):
        load_model(tmp_path, config=other)


def test_trained_checkpoints_of_the_original_programs_load_without_their_slots():
    loaded = load_model(shared("data/goldens/google/trained.ckpt.index").with_suffix(""))
    assert loaded.config.variant == "google"
    assert np.isfinite(loaded.weights["bert/pooler/dense/kernel"].numpy()).all()


def test_a_fine_tuned_checkpoint_has_a_classifier_and_no_pretraining_heads():
    loaded = load_model(shared("data/goldens/google/classifier.ckpt.index").with_suffix(""))
    assert loaded.heads == Heads(masked_words=False, sentence_order=False, num_labels=3)
    assert loaded.weights["output_weights"].shape == (3, 48)


def test_what_is_not_there_or_not_clear(tmp_path):
    with pytest.raises(AlbertError, match="there is neither a folder nor"):
        find_model(tmp_path / "nothing")
    with pytest.raises(AlbertError, match="holds no checkpoint"):
        find_model(tmp_path)
    for name in ("a.ckpt", "b.ckpt"):
        write_bundle(tmp_path / name, {"x": np.zeros(1)})
    with pytest.raises(AlbertError, match="holds 2 checkpoints\ngive the prefix of one"):
        find_model(tmp_path)
    with pytest.raises(AlbertError, match=f"no model {tmp_path}/c.ckpt: .*\nfound: {tmp_path}/a.ckpt, {tmp_path}/b.ckpt"):
        find_model(tmp_path / "c.ckpt")
    assert find_model(tmp_path / "a.ckpt") == (tmp_path / "a.ckpt", tmp_path)


def test_of_several_checkpoints_the_savers_own_file_says_which(tmp_path):
    for name in ("model.ckpt-9", "model.ckpt-10"):
        write_bundle(tmp_path / name, {"x": np.zeros(1)})
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "/home/someone/run/model.ckpt-9"\nall_model_checkpoint_paths: "/home/someone/run/model.ckpt-10"\n'
    )
    assert find_model(tmp_path).prefix == tmp_path / "model.ckpt-9"


@pytest.mark.parametrize("suffix", [".index", ".data-00000-of-00001", ".meta"])
def test_a_file_of_a_checkpoint_stands_for_all(tmp_path, suffix):
    write_bundle(tmp_path / "a.ckpt", {"x": np.zeros(1)})
    (tmp_path / "a.ckpt.meta").write_bytes(b"graph")
    assert find_model(tmp_path / f"a.ckpt{suffix}").prefix == tmp_path / "a.ckpt"


def test_half_a_checkpoint(tmp_path):
    write_bundle(tmp_path / "a.ckpt", {"x": np.zeros(1)})
    index, data = tmp_path / "a.ckpt.index", tmp_path / "a.ckpt.data-00000-of-00001"
    content = index.read_bytes()
    index.unlink()
    for path in (tmp_path, tmp_path / "a.ckpt", data):
        with pytest.raises(
            AlbertError, match=r"half a checkpoint: .*a\.ckpt\.data-00000-of-00001 has no a\.ckpt\.index beside it\ncopy both"
        ):
            find_model(path)
    index.write_bytes(content)
    data.rename(tmp_path / "a.ckpt.data-00001-of-00002")
    with pytest.raises(AlbertError, match=r"half a checkpoint: .*a\.ckpt\.index has 1 of 2 data files"):
        find_model(tmp_path)
    (tmp_path / "a.ckpt.data-00001-of-00002").unlink()
    with pytest.raises(AlbertError, match=r"has 0 of 1 data files \(a\.ckpt\.data-…\) beside it\ncopy them too"):
        find_model(tmp_path)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("pytorch_model.bin", "a pickle can run code when it is read: it is refused\nwhere transformers is installed"),
        ("model.pt", "a pickle can run code"),
        ("tf_model.h5", "weights of Keras are not read"),
        ("albert_tiny.zip", "unpack it, and give the folder"),
        ("saved_model.pb", "a compiled model has lost the names of its weights"),
        ("notes.md", "give a model directory or a checkpoint's prefix"),
    ],
)
def test_other_files_are_refused_with_what_to_do(tmp_path, name, fix):
    (tmp_path / name).write_bytes(b"...")
    with pytest.raises(AlbertError, match=f"{name} is no checkpoint\n{fix}"):
        find_model(tmp_path / name)


def test_a_saved_model_is_named(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"...")
    with pytest.raises(AlbertError, match="is a SavedModel, a program and no checkpoint"):
        find_model(tmp_path)


def test_the_vocabulary_may_have_another_name(tmp_path):
    assert find_vocabulary(tmp_path) is None
    (tmp_path / "vocab_chinese.txt").write_bytes(CONTENT)
    assert find_vocabulary(tmp_path) == tmp_path / "vocab_chinese.txt"
    (tmp_path / "vocab_old.txt").write_bytes(CONTENT)
    assert find_vocabulary(tmp_path) is None  # which of the two, nobody can say
    (tmp_path / "vocab.txt").write_bytes(CONTENT)
    assert find_vocabulary(tmp_path) == tmp_path / "vocab.txt"


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path):
    with new_folder(tmp_path / "a" / "out") as partial:
        (partial / "file").write_text("x")
        assert not (tmp_path / "a" / "out").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]

    def interrupted():
        with new_folder(tmp_path / "b") as partial:
            (partial / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    with pytest.raises(AlbertError, match="is there already and is not an empty folder"), new_folder(tmp_path / "a" / "out"):
        pass


def test_data_that_do_not_fit_are_refused_with_both_values(tmp_path):
    dataset = write_dataset(tmp_path / "data", num_train=4, num_eval=0)
    check_data_fits(dataset, CONFIG, origin="m", vocabulary=(tmp_path / "data" / "vocab.txt").read_bytes())
    with pytest.raises(
        AlbertError, match=f"another vocabulary .SHA-256 {dataset.vocab_sha256[:12]}….* than m has .*\nbuild the data with the vocab.txt"
    ):
        check_data_fits(dataset, CONFIG, origin="m", vocabulary=CONTENT + b"more\n")
    with pytest.raises(AlbertError, match=f"a vocabulary of {len(VOCABULARY)} entries, m has vocab_size 99"):
        check_data_fits(dataset, AlbertConfig(**{**CONFIG.to_json(), "vocab_size": 99}), origin="m")
    with pytest.raises(AlbertError, match="sequences of 32 tokens, m has 31 positions"):
        check_data_fits(dataset, AlbertConfig(**{**CONFIG.to_json(), "max_position_embeddings": 31}), origin="m")
