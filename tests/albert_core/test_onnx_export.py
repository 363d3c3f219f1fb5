import numpy as np
import pytest

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.onnx_export import OnnxProgram, export_onnx
from albert_core.prediction import Predictor
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import WITHOUT_DROPOUT

pytest.importorskip("onnxruntime")


@pytest.mark.slow
def test_sequences_of_any_number_and_length_give_the_vectors_of_python(tmp_path):
    path = tmp_path / "model"
    write_description(path, WITHOUT_DROPOUT, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(path, Albert(WITHOUT_DROPOUT, seed=1))
    report = export_onnx(path, tmp_path / "onnx")
    assert report["checks"][0]["largest_difference"] < 1e-5
    predictor, program = Predictor.load(path), OnnxProgram(tmp_path / "onnx" / "model.onnx")
    for texts in (SENTENCES[:1], SENTENCES[:5]):
        rows = [[2, *predictor._tokenizer.encode(text), 3] for text in texts]
        ids = np.array([row + [0] * (10 - len(row)) for row in rows], np.int32)
        found = program.run({"input_ids": ids, "input_mask": np.int32(ids > 0), "segment_ids": np.zeros_like(ids)})
        np.testing.assert_allclose(found["embedding"], predictor.embed(texts), atol=1e-5)
