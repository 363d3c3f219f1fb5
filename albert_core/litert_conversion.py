"""From a graph to the bytes of a LiteRT file: float32, weights in eight bits, or everything in eight bits.

Everything in eight bits needs a range for each activation, seen on examples, and one scale must span that range: an adder of -10,000 for
padding leaves no step for scores of ± 10. A smaller one does as much: exp(-30) is 1e-13.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_core.errors import AlbertError
from albert_core.inference_graphs import Graph

NONE, DYNAMIC, FULL = "none", "dynamic", "full"
QUANTIZATIONS = (NONE, DYNAMIC, FULL)
INT8_MASK_ADDER = -30.0

Example = dict[str, np.ndarray]


def convert(graph: Graph, quantize: str, examples: Sequence[Example] = ()) -> bytes:
    """The flatbuffer of `graph`. `examples` are inputs as they will come; only full quantization looks at them.

    Raises:
      AlbertError: full quantization, and its library is not installed.
    """
    usual = graph.model.mask_adder
    graph.model.mask_adder = INT8_MASK_ADDER if quantize == FULL else usual
    try:
        content = _convert_float(graph, weights_in_eight_bits=quantize == DYNAMIC)
    finally:
        graph.model.mask_adder = usual
    return quantize_fully(content, examples) if quantize == FULL else content


def _convert_float(graph: Graph, *, weights_in_eight_bits: bool) -> bytes:
    signature = [tf.TensorSpec(shape, tf.int32, name=name) for name, shape in graph.inputs.items()]
    function = tf.function(
        lambda *values: graph.run(**dict(zip(graph.inputs, values, strict=True))), input_signature=signature, autograph=False
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], graph.model)
    # Else the gamma of a norm is multiplied into the kernel behind it, and a shared kernel stands once with it and once without.
    converter._experimental_disable_fuse_mul_and_fc = True
    if weights_in_eight_bits:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return bytes(converter.convert())


def quantize_fully(content: bytes, examples: Sequence[Example]) -> bytes:
    """A float32 LiteRT file with weights and activations in int8; what the quantizer has no int8 form of, and the outputs, stay float32."""
    try:
        from litert_quantizer import quantizer, recipe
        from litert_quantizer.qtyping import TFLOperationName
    except ImportError:
        raise AlbertError(
            "--quantize full needs litert-quantizer, which is not installed\npip install --constraint constraints.txt '.[litert]'"
        ) from None
    # Its progress bars are of its own inner steps.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        work = quantizer.Quantizer(bytearray(content))
        work.load_quantization_recipe(recipe.static_wi8_ai8())
        work.update_quantization_recipe(regex=".*", operation_name=TFLOperationName.OUTPUT, algorithm_key="no_quantize")
        ranges = work.calibrate({"serving_default": examples}, num_threads=1)
        return bytes(work.quantize(ranges).quantized_model)
