import dataclasses

import pytest

from albert_core.checkpoint_variables import common_prefix, sizes_like, sort_variables, tell_layout
from albert_core.config import SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import Heads, list_parameters
from tests.albert_core.test_modeling import SMALL, VARIANTS

POOLER = ["bert/pooler/dense/bias", "bert/pooler/dense/kernel"]


def shapes_of(config, **heads):
    return {parameter.name: parameter.shape for parameter in list_parameters(config, Heads(**heads))}


@pytest.mark.parametrize("name", VARIANTS)
def test_format_and_sharing_are_told_by_the_names(name):
    config = VARIANTS[name]
    assert tell_layout(shapes_of(config)) == (config.variant, config.sharing)


@pytest.mark.parametrize("name", SIZES)
def test_every_published_size_is_told_by_its_shapes(name):
    config = AlbertConfig.named(name)
    shapes = shapes_of(config)
    assert name in (found := sizes_like(shapes, tell_layout(shapes)))
    assert [other for other in found if SIZES[other] != SIZES[name] and not other.startswith("xxlarge")] == []


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["roberta/encoder/layer_0/attention/self/query/kernel"], "RoBERTa with names of its own"),
        (["electra/embeddings/word_embeddings", "generator_predictions/output_bias"], "ELECTRA"),
        (["encoder/block_000/layer_000/SelfAttention/q", "decoder/x", "shared/embedding", "global_step"], "T5"),
        (["model/h0/attn/c_attn/w", "model/wte"], "GPT-2 or XLNet"),
        (["conv2d/kernel"], "another architecture"),
        (["save_counter/.ATTRIBUTES/VARIABLE_VALUE", "_CHECKPOINTABLE_OBJECT_GRAPH"], "object checkpoint of TensorFlow 2"),
        ([], "no variables"),
    ],
)
def test_other_architectures_are_named(names, what):
    with pytest.raises(AlbertError, match=what) as error:
        common_prefix(names)
    assert len(str(error.value).splitlines()) == 2


def test_names_below_another_scope_are_found():
    assert common_prefix(shapes_of(SMALL)) == ""
    assert common_prefix([f"module/{name}" for name in shapes_of(SMALL)]) == "module/"
    assert common_prefix([*shapes_of(SMALL), "copy/bert/embeddings/word_embeddings"]) == ""


def test_what_an_optimizer_and_other_programs_leave():
    """Names as the programs write them: Google's AdamW, TF1's Adam, Adafactor, moving averages, BERT's SQuAD script."""
    kernel = "bert/pooler/dense/kernel"
    extra = {f"{kernel}/{slot}": (12, 12) for slot in ("adam_m", "adam_v", "lamb_m", "Adam", "Adam_1", "Momentum", "vr", "vc")}
    counters = dict.fromkeys(("global_step", "beta1_power", "beta2_power_1", "training/current_loss_scale", "good_steps"), ())
    heads = {"cls/squad/output_weights": (2, 12), "answer_class/kernel": (12, 5), "start_logits/dense/kernel": (12, 1)}
    removed = {"bert/embeddings/gone/adam_m": (3,)}  # the slot of a weight that has been taken out
    averages = {f"{kernel}/ExponentialMovingAverage": (12, 12)}
    shapes = shapes_of(SMALL) | extra | counters | heads | removed | averages
    found = sort_variables(shapes, SMALL, "c")
    assert found.taken == list_parameters(SMALL)
    reasons = dict.fromkeys(extra | removed, "optimizer slot") | dict.fromkeys(counters, "counter of the training")
    reasons |= dict.fromkeys(heads, "head of another task") | dict.fromkeys(
        averages, "moving average of a weight; the weight itself is taken"
    )
    assert found.skipped == reasons
    assert found.missing == []


def test_a_whole_head_may_be_missing_and_the_pooler():
    encoder = shapes_of(SMALL, masked_words=False, sentence_order=False)
    assert sort_variables(encoder, SMALL, "c") == (list_parameters(SMALL, Heads(masked_words=False, sentence_order=False)), {}, [])
    without = {name: shape for name, shape in encoder.items() if name not in POOLER}
    assert sort_variables(without, SMALL, "c").missing == POOLER


@pytest.mark.parametrize(
    "gone",
    [
        "cls/predictions/output_bias",
        "cls/seq_relationship/output_weights",
        "bert/pooler/dense/bias",
        "bert/embeddings/LayerNorm/beta",
        "output_bias",
        "bert/encoder/layer_shared/output/dense/kernel",
    ],
)
def test_half_a_head_or_an_encoder_with_a_hole_is_refused(gone):
    shapes = shapes_of(SMALL, num_labels=3)
    del shapes[gone]
    with pytest.raises(AlbertError, match=f"c lacks {gone}\nthe configuration has 4 layers of 12"):
        sort_variables(shapes, SMALL, "c")


def test_a_classifier_of_another_width_is_another_programs():
    shapes = shapes_of(SMALL) | {"output_weights": (3, 99), "output_bias": (3,)}
    assert sort_variables(shapes, SMALL, "c").skipped == dict.fromkeys(("output_bias", "output_weights"), "head of another task")


def test_a_shape_that_differs_names_tensor_found_and_expected():
    shapes = shapes_of(AlbertConfig.named("tiny"))
    with pytest.raises(AlbertError, match=r"word_embeddings has shape \[21128, 128\], the configuration asks for \[40, 6\]\n.*of tiny"):
        sort_variables(shapes, SMALL, "c")


def test_an_encoder_with_more_than_the_configuration_has_is_refused():
    config = dataclasses.replace(SMALL, sharing="none")
    with pytest.raises(
        AlbertError, match=r"layer_2/attention/output/LayerNorm/beta \[12\] has no place .* \(2 layers, brightmart format\)"
    ):
        sort_variables(shapes_of(config), dataclasses.replace(config, num_hidden_layers=2), "c")
    ernie = shapes_of(SMALL) | {"bert/embeddings/task_type_embeddings": (3, 12)}
    with pytest.raises(AlbertError, match="task_type_embeddings"):
        sort_variables(ernie, SMALL, "c")


def test_the_fast_architecture_is_told_by_its_kernels():
    name = "bert/encoder/transformer/group_0/inner_group_0/ffn_1/intermediate/dense/kernel"
    with pytest.raises(AlbertError, match=r"\[16, 48, 192\]: a feed-forward block in 16 groups, as in the \*_google_fast models"):
        tell_layout(shapes_of(VARIANTS["google"]) | {name: (16, 48, 192)})


def test_an_encoder_that_is_missing_or_half_known():
    embeddings = {name: shape for name, shape in shapes_of(SMALL).items() if "encoder" not in name}
    with pytest.raises(AlbertError, match="no encoder that ALBERT or BERT has"):
        tell_layout(embeddings)
    shapes = shapes_of(SMALL)
    del shapes["bert/embeddings/word_embeddings_2"]
    with pytest.raises(AlbertError, match="lacks bert/embeddings/word_embeddings_2"):
        tell_layout(shapes)
