"""The model card: the README.md of an exported Hugging Face folder."""

from collections.abc import Mapping
from typing import Any

from albert_core.config import BERT, BRIGHTMART, GOOGLE, AlbertConfig
from albert_core.parameters import Heads, count_by_part

FRONT_MATTER = """---
language: zh
# license: say here under which terms the weights may be used
library_name: transformers
pipeline_tag: {task}
tags:
- {kind}
- chinese
---
"""

VARIANTS = {
    BRIGHTMART: "ALBERT as albert_zh trains it: word vectors of width {E} projected to {H}, then positions, segments and norm",
    GOOGLE: "ALBERT as Google's program trains it: positions, segments and norm in width {E}, then a mapping to {H}",
    BERT: "BERT, a layer of its own at each depth",
}


def describe(config: AlbertConfig, heads: Heads, *, normalization: Mapping[str, Any], factors: str | None = None) -> str:
    """The card of a model. `normalization` is what the training text went through (normalization.json); `factors` the name of the file
    that holds what Hugging Face has no form for, if there is one.
    """
    kind = "bert" if config.variant == BERT else "albert"
    task = "text-classification" if heads.num_labels else "fill-mask" if heads.masked_words else "feature-extraction"
    sections = [
        f"# A Chinese {kind.upper()}\n\n{VARIANTS[config.variant].format(E=config.embedding_size, H=config.hidden_size)}.",
        f"## Sizes\n\n{_sizes(config, heads)}",
        f"## Load\n\n{_loading(heads)}",
        f"## Text\n\n{_text(normalization)}",
        f"## Heads\n\n{_heads(config, heads)}",
    ]
    if factors is not None:
        sections.append(f"## {factors}\n\n{_factors(config, factors)}")
    return FRONT_MATTER.format(task=task, kind=kind) + "\n" + "\n\n".join(sections) + "\n"


def _sizes(config: AlbertConfig, heads: Heads) -> str:
    """A table of sizes and of parameters by part."""
    rows = {
        "layers": f"{config.num_hidden_layers}{_sharing(config)}",
        "hidden size": f"{config.hidden_size:,}",
        "embedding size": f"{config.embedding_size:,}",
        "attention heads": f"{config.num_attention_heads}",
        "feed-forward size": f"{config.intermediate_size:,}, {config.hidden_act}",
        "vocabulary": f"{config.vocab_size:,}",
        "longest sequence": f"{config.max_position_embeddings:,}",
    }
    parts = count_by_part(config, heads)
    rows |= {f"parameters, {part}": f"{count:,}" for part, count in parts.items()} | {"parameters, all": f"{sum(parts.values()):,}"}
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _sharing(config: AlbertConfig) -> str:
    """Which layers have weights in common."""
    if config.variant == BERT or config.sharing == "none":
        return ", nothing shared"
    if config.sharing != "all":
        return f", {config.sharing} shared"
    if (config.num_hidden_groups, config.inner_group_num) == (1, 1):
        return ", all shared"
    return f" in {config.num_hidden_groups} groups of {config.inner_group_num}"


def _loading(heads: Heads) -> str:
    """Code for either library."""
    auto = "Model"
    if heads.num_labels:
        auto = "ModelForSequenceClassification"
    elif heads.masked_words:
        auto = "ModelForPreTraining" if heads.sentence_order else "ModelForMaskedLM"
    return (
        "```python\n"
        f"from transformers import Auto{auto}, AutoTokenizer\n"
        "tokenizer = AutoTokenizer.from_pretrained(FOLDER)\n"
        f"model = Auto{auto}.from_pretrained(FOLDER)\n"
        "```\n\n"
        "or, in TensorFlow:\n\n"
        "```python\n"
        "import albert_core\n"
        "model = albert_core.load_model(FOLDER)\n"
        "```"
    )


def _text(normalization: Mapping[str, Any]) -> str:
    """What was done to the training text, for the user to repeat."""
    if not normalization:
        return "What the training text went through is not recorded. `BertTokenizer` lower-cases and strips accents."
    rows = "\n".join(f"- {key}: {value}" for key, value in normalization.items())
    return f"The training text went through this before it was tokenized; do the same to yours:\n\n{rows}"


def _heads(config: AlbertConfig, heads: Heads) -> str:
    """What the outputs mean."""
    lines = []
    if heads.masked_words:
        lines.append("- Masked words: scores of every vocabulary entry; the output layer is the table of word embeddings.")
    if heads.sentence_order:
        meaning = "(next, random)" if config.variant == BERT else "(in order, swapped)"
        what = "Next sentence" if config.variant == BERT else "Sentence order"
        lines.append(f"- {what}: two scores, {meaning}.")
    if heads.num_labels:
        lines.append(f"- Classifier: {heads.num_labels} labels, numbered; name them in `id2label` of config.json.")
    return "\n".join(lines) or "None: an encoder."


def _factors(config: AlbertConfig, factors: str) -> str:
    """Why the folder is larger than the model, and what makes the way back exact."""
    reasons = []
    if config.variant == BRIGHTMART:
        reasons.append(
            f"Hugging Face has no form for word vectors that are projected before positions are added. Their product is written out as one "
            f"table of {config.vocab_size:,} × {config.hidden_size:,}, and the mapping is the identity; the two factors, "
            f"{config.vocab_size:,} × {config.embedding_size:,} and {config.embedding_size:,} × {config.hidden_size:,}, are in `{factors}`."
        )
    if config.sharing != "all" or config.num_hidden_groups > 1:
        reasons.append(f"Layers that share a part are written out as groups; `{factors}` says which.")
    reasons.append("With that file beside the weights, albert_core restores the model bit for bit. transformers does not need it.")
    return "\n\n".join(reasons)
