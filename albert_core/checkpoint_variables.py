"""What the variables of a TF1 checkpoint are, told by their names: a model's weights, an optimizer's slots, another program's.

No file says which program wrote a checkpoint; the names do:

    bert/embeddings/word_embeddings_2            albert_zh
    bert/encoder/transformer/group_0/…           Google's ALBERT
    bert/encoder/layer_0/… without the first     BERT, and the RoBERTa models that keep BERT's names
    bert/encoder/layer_shared/…                  layers that share what stands below it

Needs no TensorFlow.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from albert_core.config import BERT, BRIGHTMART, GOOGLE, SIZES, AlbertConfig
from albert_core.errors import AlbertError
from albert_core.parameters import POOLER, WORD_EMBEDDINGS, Heads, Parameter, list_parameters, projection_name

Shapes = Mapping[str, tuple[int, ...]]

SLOT = re.compile(r"/(adam|lamb)_[mv](_\d+)?$")
COUNTER = re.compile(r"^(.*/)?(global_step|beta[12]_power(_\d+)?|(current_|init_)?loss_scale|(num_)?good_steps|iteration)$")
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
ENCODER = "bert/encoder/"
HEAD_PARTS = ("masked-word head", "sentence-order head", "classifier")

# The first part of a name that other architectures begin with.
OTHERS = {
    "roberta": "RoBERTa with names of its own",
    "electra": "ELECTRA",
    "generator": "ELECTRA",
    "discriminator_predictions": "ELECTRA",
    "model": "GPT-2 or XLNet",
    "encoder": "T5",
    "decoder": "T5",
    "shared": "T5",
    "ernie": "ERNIE",
    "transformer": "a general Transformer",
}


class Layout(NamedTuple):
    """Which model the names belong to. `sharing` as in AlbertConfig; of Google's format only where it is not said by groups."""

    variant: str
    sharing: str


class Sorted(NamedTuple):
    """The variables of a checkpoint: those of the model, those left with the reason, and those of the model that are not there."""

    taken: list[Parameter]
    skipped: dict[str, str]
    missing: list[str]


def common_prefix(names: Iterable[str]) -> str:
    """What stands before the model's own names: "" mostly, "module/" in a TF Hub export.

    Raises:
      AlbertError: the names are of another architecture, or of a TF2 object checkpoint.
    """
    names = sorted(names)
    ends = [name.removesuffix(WORD_EMBEDDINGS) for name in names if name == WORD_EMBEDDINGS or name.endswith(f"/{WORD_EMBEDDINGS}")]
    if ends:
        return min(ends, key=len)
    if OBJECT_GRAPH in names or any(name.endswith("/.ATTRIBUTES/VARIABLE_VALUE") for name in names):
        raise AlbertError(
            "it is an object checkpoint of TensorFlow 2, which names variables by their place in a program\n"
            "load it there, and save it for transformers (save_pretrained) or with tf.compat.v1.train.Saver"
        )
    shown = [name for name in names if not COUNTER.search(name)] or ["no variables"]
    known = next((OTHERS[part] for name in shown if (part := name.split("/")[0]) in OTHERS), None)
    raise AlbertError(
        f"it holds no {WORD_EMBEDDINGS}; its variables are named like {', '.join(shown[:3])}: "
        f"{f'this is {known}' if known else 'another architecture'}\n"
        "only ALBERT and BERT can be read, and models that keep BERT's names"
    )


def tell_layout(shapes: Shapes) -> Layout:
    """The format of the model that has these variables.

    Raises:
      AlbertError: the encoder is missing, or of a form that no program here has.
    """
    encoder = [name for name in shapes if name.startswith(ENCODER) and not SLOT.search(name)]
    _refuse_fast(shapes, encoder)
    google = any(name.startswith(f"{ENCODER}transformer/") for name in encoder)
    if google:
        attention, feed_forward = (_owners(encoder, rf"group_(\d+)/inner_group_\d+/{part}") for part in ("attention_1/", "ffn_1/"))
        if attention != feed_forward and {"0"} in (attention, feed_forward):
            return Layout(GOOGLE, "attention" if attention == {"0"} else "ffn")
        return Layout(GOOGLE, "all")
    attention, feed_forward = (_owners(encoder, rf"layer_(\w+?)/{part}") for part in ("attention/", "intermediate/"))
    if not attention or not feed_forward:
        raise AlbertError("it holds word embeddings, and no encoder that ALBERT or BERT has\ngive the checkpoint of a whole model")
    sharing = {(True, True): "all", (True, False): "attention", (False, True): "ffn", (False, False): "none"}[
        attention == {"shared"}, feed_forward == {"shared"}
    ]
    if projection_name(AlbertConfig.named("tiny")) in shapes:
        return Layout(BRIGHTMART, sharing)
    if sharing != "none":
        raise AlbertError(
            f"its layers share weights as albert_zh's do, but it lacks {WORD_EMBEDDINGS}_2\ngive the checkpoint of a whole model"
        )
    return Layout(BERT, sharing)


def _owners(names: Iterable[str], pattern: str) -> set[str]:
    """Which layers or groups hold what `pattern` describes."""
    return {found[1] for name in names if (found := re.search(pattern, name))}


def _refuse_fast(shapes: Shapes, encoder: Iterable[str]) -> None:
    for name in encoder:
        if name.endswith("/intermediate/dense/kernel") and len(shapes[name]) == 3:
            raise AlbertError(
                f"{name} has shape {list(shapes[name])}: a feed-forward block in {shapes[name][0]} groups, as in the *_google_fast models\n"
                "that architecture is not supported: use a model without _fast"
            )


def sort_variables(shapes: Shapes, config: AlbertConfig, origin: str) -> Sorted:
    """Which of these variables make the model of `config`, and why the others do not.

    The pooler may be missing, and each head as a whole.

    Raises:
      AlbertError: part of the encoder or of a head is missing, has another shape than `config` asks for, or is too much.
    """
    heads = heads_of(shapes, config)
    wanted = list_parameters(config, heads)
    missing = sorted(parameter.name for parameter in wanted if parameter.name not in shapes)
    if set(missing) - {f"{POOLER}/kernel", f"{POOLER}/bias"} or len(missing) == 1:
        rest = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise AlbertError(
            f"{origin} lacks {', '.join(missing[:3])}{rest}\n"
            f"the configuration has {config.num_hidden_layers} layers of {config.hidden_size} ({config.variant} format): "
            "give the config.json that it was made with, or a whole checkpoint"
        )
    taken = [parameter for parameter in wanted if parameter.name in shapes]
    for parameter in taken:
        if tuple(shapes[parameter.name]) != parameter.shape:
            raise AlbertError(
                f"{origin}: {parameter.name} has shape {list(shapes[parameter.name])}, the configuration asks for {list(parameter.shape)}\n"
                f"give the config.json that it was made with{_suggest_size(shapes)}"
            )
    names = {parameter.name for parameter in taken}
    skipped = {name: _reason_to_skip(name, shapes, config, origin) for name in sorted(set(shapes) - names)}
    return Sorted(taken, skipped, missing)


def heads_of(shapes: Shapes, config: AlbertConfig) -> Heads:
    """The heads of which at least one variable is there. `output_weights` of another width is another program's."""
    found = Heads.of(shapes)
    any_head = Heads(num_labels=found.num_labels or 1)
    there = {p.part for p in list_parameters(config, any_head) if p.part in HEAD_PARTS and p.name in shapes}
    classifier = "classifier" in there and found.num_labels > 0 and shapes["output_weights"] == (found.num_labels, config.hidden_size)
    return Heads(
        masked_words="masked-word head" in there,
        sentence_order="sentence-order head" in there,
        num_labels=found.num_labels if classifier else 0,
    )


def _reason_to_skip(name: str, shapes: Shapes, config: AlbertConfig, origin: str) -> str:
    """Why a variable that is none of the model's may be left.

    Raises:
      AlbertError: it may not, for the encoder would compute something else without.
    """
    parent = name.rpartition("/")[0]
    if "ExponentialMovingAverage" in name:
        return "moving average of a weight; the weight itself is taken"
    if SLOT.search(name) or parent in shapes:
        return "optimizer slot"
    if COUNTER.search(name):
        return "counter of the training"
    if name.startswith("bert/"):
        model = f"{config.num_hidden_layers} layers, {config.variant} format"
        raise AlbertError(
            f"{origin}: {name} {list(shapes[name])} has no place in the model that the configuration describes ({model})\n"
            "give the config.json that the checkpoint was made with; a model with other parts cannot be read"
        )
    return "head of another task"


def sizes_like(shapes: Shapes, layout: Layout) -> list[str]:
    """The named sizes whose variables have these shapes. Layers that share weights leave their number open."""
    found = []
    for name, values in SIZES.items():
        config = AlbertConfig(vocab_size=shapes[WORD_EMBEDDINGS][0], **values)
        encoder = [p for p in list_parameters(config, Heads(masked_words=False, sentence_order=False)) if not p.name.startswith(POOLER)]
        count = sum(1 for shape in shapes if shape.startswith(ENCODER) and shape.endswith(("kernel", "bias", "beta", "gamma")))
        same_number = count == sum(1 for p in encoder if p.name.startswith(ENCODER))
        if (config.variant, config.sharing) == layout and same_number and all(shapes.get(p.name) == p.shape for p in encoder):
            found.append(name)
    return found


def _suggest_size(shapes: Shapes) -> str:
    try:
        names = sizes_like(shapes, tell_layout(shapes))
    except AlbertError:
        return ""
    return f"; its shapes are those of {' or '.join(names)}" if names else ""
