"""ONNX: a model for programs that run that form, converted by tf2onnx and checked by ONNX Runtime. Any number of sequences, any length.

OUTPUT/model.onnx      inputs and outputs as inference_graphs.py says of its head, and vocab.txt, normalization.json, task.json as of LiteRT
"""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.litert import choose_form, describe, largest_difference, report_of
from albert_core.litert_conversion import NONE
from albert_core.model_directory import new_folder

MODEL = "model.onnx"
OPSET = 17


class OnnxProgram:
    """An ONNX file, run by ONNX Runtime."""

    def __init__(self, path: str | Path):
        import onnxruntime

        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]

    def run(self, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name."""
        return dict(zip(self._outputs, self._session.run(self._outputs, values), strict=True))


def export_onnx(path: str | Path, output: str | Path, *, head: str | None = None) -> dict[str, Any]:
    """Write the model at `path` as ONNX to the new folder `output`, and compare its outputs with ours; `head` as of `export_litert`.

    Returns:
      the report of `export_model`.

    Raises:
      AlbertError: the extra onnx is not installed, the model has no such head, `output` is in use, or the outputs differ.
    """
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx
    except ImportError:
        raise AlbertError("ONNX needs tf2onnx and onnxruntime\npip install --constraint constraints.txt '.[train,onnx]'") from None
    form = choose_form(path, head, None, any_shape=True)
    with new_folder(Path(output)) as partial:
        signature = [tf.TensorSpec(shape, tf.int32, name=name) for name, shape in form.graph.inputs.items()]
        run = tf.function(
            lambda *values: form.graph.run(**dict(zip(form.graph.inputs, values, strict=True))), input_signature=signature, autograph=False
        )
        tf2onnx.convert.from_function(run, input_signature=signature, opset=OPSET, output_path=str(partial / MODEL))
        describe(partial, Path(path), form)
        difference = largest_difference(form, OnnxProgram(partial / MODEL))
        limit = form.limits[NONE]
        if difference > limit:
            raise AlbertError(f"{output}: outputs differ by {difference:.1e}, more than {limit:.0e}\nplease report this")
        files = {file.name: file.stat().st_size for file in sorted(partial.iterdir())}
    return report_of(form, "onnx", files, difference, limit)
