import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from albert_core.errors import AlbertError
from albert_core.huggingface import is_huggingface, read_huggingface
from tests.albert_core.test_huggingface import change, export


def test_half_precision_is_read_exactly(tmp_path):
    model = export(tmp_path, "google")
    change(tmp_path, lambda tensors: tensors.update({n: t.astype(np.float16) for n, t in tensors.items()}))
    read = read_huggingface(tmp_path)
    assert read.notes == ["weights are stored as F16: read as float32"]
    name = "bert/pooler/dense/kernel"
    assert read.tensors[name].dtype == np.float32
    np.testing.assert_array_equal(read.tensors[name], model.weights[name].numpy().astype(np.float16).astype(np.float32))


def test_bfloat16_is_read_exactly(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")  # comes with TensorFlow
    model = export(tmp_path, "google")
    expected = {name: v.numpy().astype(ml_dtypes.bfloat16).astype(np.float32) for name, v in model.weights.items()}
    rewrite_as_bfloat16(tmp_path / "model.safetensors")
    read = read_huggingface(tmp_path)
    assert read.notes == ["weights are stored as BF16: read as float32"]
    assert {n: t.tobytes() for n, t in read.tensors.items()} == {n: t.tobytes() for n, t in expected.items()}


def rewrite_as_bfloat16(path):
    """The same tensors as a file of type BF16: length of the header, header, values."""
    import ml_dtypes

    header, values, start = {}, b"", 0
    for name, tensor in load_file(path).items():
        data = tensor.astype(ml_dtypes.bfloat16).tobytes()
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [start, start + len(data)]}
        values, start = values + data, start + len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)


def split(folder):
    """model.safetensors in two parts with an index, as transformers saves large models."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {f"model-{k + 1:05}-of-00002.safetensors": dict(list(tensors.items())[k::2]) for k in range(2)}
    for name, part in parts.items():
        save_file(part, folder / name)
    index = {"metadata": {}, "weight_map": {name: part for part, names in parts.items() for name in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_a_model_in_parts(tmp_path):
    model = export(tmp_path, "groups")
    split(tmp_path)
    assert is_huggingface(tmp_path)
    read = read_huggingface(tmp_path)
    assert {n: t.tobytes() for n, t in read.tensors.items()} == {n: v.numpy().tobytes() for n, v in model.weights.items()}
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(AlbertError, match=r"names model-00002-of-00002\.safetensors, which is not in the folder"):
        read_huggingface(tmp_path)


def test_a_pickle_is_refused_with_the_way_to_convert_it(tmp_path):
    export(tmp_path, "google")
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert is_huggingface(tmp_path)
    with pytest.raises(AlbertError, match="is a pickle, which can run code") as error:
        read_huggingface(tmp_path)
    assert str(error.value).count("from_pretrained") == 1


@pytest.mark.parametrize("size", [0, 5, 400, 5000])
def test_a_cut_file_is_damaged(tmp_path, size):
    export(tmp_path, "google")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(AlbertError, match=r"model.safetensors is damaged: .*\ncopy or download it anew"):
        read_huggingface(tmp_path)
