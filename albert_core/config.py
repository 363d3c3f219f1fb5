"""The shape of a model: `config.json` as the two published families write it, checked before anything is built."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from albert_core.errors import AlbertError

BRIGHTMART = "brightmart"  # albert_zh: word vectors projected to H, then position, type and norm in H
GOOGLE = "google"  # ALBERT 2.0: position, type and norm in E, then one dense layer to H; layers in groups
BERT = "bert"  # the baseline of both: word vectors of width H, a layer of its own at each depth
VARIANTS = (BRIGHTMART, GOOGLE, BERT)

# "gelu" is the tanh form that all three programs were trained with; "gelu_erf" the exact one, which Hugging Face calls "gelu".
ACTIVATIONS = ("gelu", "relu", "gelu_erf")
NORM_PLACES = ("postln", "preln")
SHARINGS = ("all", "attention", "ffn", "none")  # what the layers have in common (ALBERT table 4)

# In every published file, read by no model: BERT's first release used them once. `directionality` is always "bidi".
UNUSED_KEYS = frozenset(
    {
        "directionality",
        "pooler_fc_size",
        "pooler_num_attention_heads",
        "pooler_num_fc_layers",
        "pooler_size_per_head",
        "pooler_type",
    }
)
# Switches of Google's research code, together with the only value that its released models use.
GOOGLE_SWITCHES = {"net_structure_type": 0, "gap_size": 0, "num_memory_blocks": 0, "down_scale_factor": 1}
GOOGLE_KEYS = frozenset({"num_hidden_groups", "inner_group_num", *GOOGLE_SWITCHES})
# Ours alone, and written only where they are not what the original program does.
OWN_KEYS = {"sharing": "all", "embedding_mapping": None, "layer_norm_eps": 1e-12}

# The published albert_zh sizes (small was published in Google's format only). All: E 128, 512 positions, 2 segment types, no dropout.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"num_hidden_layers": 4, "hidden_size": 312, "num_attention_heads": 12, "intermediate_size": 1248},
    "small": {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536},
    "base": {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
    "large": {"num_hidden_layers": 24, "hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
    "xlarge": {"num_hidden_layers": 24, "hidden_size": 2048, "num_attention_heads": 32, "intermediate_size": 8192},
    "xxlarge": {"num_hidden_layers": 12, "hidden_size": 4096, "num_attention_heads": 64, "intermediate_size": 16384, "ln_type": "preln"},
}
# Google's format: tiny and small as albert_zh published them, base to xxlarge as Google's own Chinese models (relu).
SIZES |= {f"{name}_google": SIZES[name] | {"variant": GOOGLE} for name in ("tiny", "small")}
SIZES |= {f"{name}_google": SIZES[name] | {"variant": GOOGLE, "hidden_act": "relu"} for name in ("base", "large", "xlarge", "xxlarge")}
SIZES["xlarge_google"] |= {"num_attention_heads": 16, "initializer_range": 0.014}
SIZES["xxlarge_google"] |= {"num_attention_heads": 16, "initializer_range": 0.01, "ln_type": "postln"}
SIZES["bert_base"] = SIZES["base"] | {"variant": BERT, "embedding_size": 768, "sharing": "none"}
FAST = "google_fast"  # marks the file names of a third architecture: feed-forward in groups, swish
CHINESE_BERT_VOCAB_SIZE = 21_128


@dataclass(frozen=True, kw_only=True)
class AlbertConfig:
    """Sizes of one ALBERT. Field names are the keys of `config.json`; `variant` is told from the keys that a file has.

    Raises AlbertError when a value cannot make a model.
    """

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    embedding_size: int = 128
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    ln_type: str = "postln"
    num_hidden_groups: int = 1
    inner_group_num: int = 1
    sharing: str = "all"  # in Google's format the groups say it; there "none" is num_hidden_groups = num_hidden_layers
    embedding_mapping: bool | None = None  # Google: a dense layer from E to H; None: only where E ≠ H
    layer_norm_eps: float = 1e-12
    variant: str = BRIGHTMART

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_field(field.name, field.type, getattr(self, field.name))
        self._check_sizes()
        self._check_variant()

    def _check_sizes(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise AlbertError(
                f"hidden_size {self.hidden_size} cannot be divided among {self.num_attention_heads} attention heads\n"
                f"the remainder is {self.hidden_size % self.num_attention_heads}: change num_attention_heads or hidden_size"
            )
        if self.num_hidden_groups > self.num_hidden_layers:
            raise AlbertError(
                f"num_hidden_groups {self.num_hidden_groups} is more than the {self.num_hidden_layers} layers\n"
                "a group is at least one layer; the *_google_fast configurations are another architecture, which is not supported"
            )

    def _check_variant(self) -> None:
        if self.variant != GOOGLE and (self.num_hidden_groups, self.inner_group_num) != (1, 1):
            raise AlbertError(
                f"num_hidden_groups and inner_group_num belong to the {GOOGLE} variant, this is {self.variant}\nleave them out"
            )
        if self.variant != BRIGHTMART and self.ln_type != "postln":
            raise AlbertError(f'ln_type "{self.ln_type}" belongs to the {BRIGHTMART} variant, this is {self.variant}\nleave it out')
        if self.variant != GOOGLE and self.embedding_mapping is not None:
            raise AlbertError(f"embedding_mapping belongs to the {GOOGLE} variant, this is {self.variant}\nleave it out")
        if self.variant == GOOGLE and self.embedding_mapping is False and self.embedding_size != self.hidden_size:
            raise AlbertError(
                f"embedding_mapping is off, and embedding_size {self.embedding_size} is not hidden_size {self.hidden_size}\nleave it out"
            )
        if self.variant == GOOGLE and self.sharing == "none":
            raise AlbertError('sharing "none" is said by groups in the google variant\nset num_hidden_groups to num_hidden_layers')
        if self.variant == GOOGLE and self.sharing != "all" and (self.num_hidden_groups, self.inner_group_num) != (1, 1):
            raise AlbertError(f'sharing "{self.sharing}" and groups exclude each other\nset num_hidden_groups and inner_group_num to 1')
        if self.variant == BERT and (self.sharing != "none" or self.embedding_size != self.hidden_size):
            raise AlbertError(
                f"BERT shares nothing and has embedding_size = hidden_size; here sharing is {self.sharing}, "
                f"sizes are {self.embedding_size} and {self.hidden_size}\nset them so, or use the {BRIGHTMART} variant"
            )

    @classmethod
    def named(cls, name: str, *, vocab_size: int = CHINESE_BERT_VOCAB_SIZE) -> Self:
        """A published size (`SIZES`) over a vocabulary of `vocab_size` entries."""
        if FAST in name:
            raise AlbertError(f'"{name}" is another architecture, which is not supported\nuse one without _fast: tiny_google, base_google')
        if name not in SIZES:
            known = ", ".join(SIZES)
            raise AlbertError(f'no model is called "{name}"\n{_nearest(name, SIZES)}known: {known}; or give the path of a config.json')
        return cls(vocab_size=vocab_size, **SIZES[name])

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, origin: str = "configuration", variant: str | None = None) -> Self:
        """The configuration in `values`, the content of a `config.json`; `origin` names it in errors.

        The variant is told from the keys where it is not given: Google's file has groups, BERT's has no embedding_size. A missing
        dropout key means 0.1 in the brightmart program and in BERT's, 0 in Google's.
        """
        fields = {field.name for field in dataclasses.fields(cls)} - {"variant"}
        for key in values:
            if key not in fields | UNUSED_KEYS | GOOGLE_KEYS:
                known = fields | GOOGLE_KEYS
                raise AlbertError(f'{origin}: unknown key "{key}"\n{_nearest(key, known)}known: {", ".join(sorted(known))}')
        for key, only in GOOGLE_SWITCHES.items():
            if values.get(key, only) != only:
                raise AlbertError(f"{origin}: {key} {values[key]} is not supported\nthe released models have {only}")
        needed = {field.name for field in dataclasses.fields(cls) if field.default is dataclasses.MISSING}
        if missing := sorted(needed - set(values)):
            raise AlbertError(f"{origin}: lacks {', '.join(missing)}\na model needs the config.json it was made with")
        variant = variant or _variant_of(values)
        dropout = 0.0 if variant == GOOGLE else 0.1
        taken: dict[str, Any] = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        if variant == BERT:
            taken |= {"embedding_size": values["hidden_size"], "sharing": "none"}
        taken |= {key: value for key, value in values.items() if key in fields}
        return cls(**taken, variant=variant)

    @classmethod
    def from_file(cls, path: str | Path, *, variant: str | None = None) -> Self:
        """The configuration in the JSON file `path`; `variant` where something else than its keys tells it."""
        path = Path(path)
        if FAST in path.name:  # base_google_fast has no key that would tell
            raise AlbertError(
                f"{path}: the *_google_fast configurations are another architecture\nit is not supported: use one without _fast"
            )
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise AlbertError(f"{path}: {error.strerror}\ngive the path of a config.json, or one of {', '.join(SIZES)}") from error
        except ValueError as error:
            raise AlbertError(f"{path} is not JSON: {error}\na model needs the config.json it was made with") from error
        if not isinstance(values, dict):
            raise AlbertError(f"{path} holds a {type(values).__name__}, not an object\na model needs the config.json it was made with")
        return cls.from_json(values, origin=str(path), variant=variant)

    def to_json(self) -> dict[str, Any]:
        """The keys of `config.json`: those that this variant's own program reads, so that it can."""
        values = dataclasses.asdict(self)
        variant = values.pop("variant")
        usual = OWN_KEYS | ({"sharing": "none"} if variant == BERT else {})
        values = {key: value for key, value in values.items() if key not in usual or value != usual[key]}
        if variant == GOOGLE:
            del values["ln_type"]
            return values | GOOGLE_SWITCHES
        if variant == BERT:
            del values["ln_type"], values["embedding_size"]
        return {key: value for key, value in values.items() if key not in GOOGLE_KEYS}

    @property
    def maps_embeddings(self) -> bool:
        """Whether a dense layer takes the embeddings to the hidden size (Google's format)."""
        if self.embedding_mapping is not None:
            return self.embedding_mapping
        return self.variant == GOOGLE and self.embedding_size != self.hidden_size

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


def _variant_of(values: Mapping[str, Any]) -> str:
    """The variant whose program writes such keys."""
    if GOOGLE_KEYS & set(values):
        return GOOGLE
    return BRIGHTMART if "embedding_size" in values else BERT


CHOICES = {
    "hidden_act": ACTIVATIONS,
    "ln_type": NORM_PLACES,
    "sharing": SHARINGS,
    "variant": VARIANTS,
    "embedding_mapping": (None, True, False),
}


def _check_field(name: str, kind: Any, value: Any) -> None:
    """One value against the meaning of its field: sizes are positive integers, `*_prob` in [0, 1), words from their list."""
    if name in CHOICES:
        if not any(value is choice or (isinstance(value, str) and value == choice) for choice in CHOICES[name]):
            raise AlbertError(f"{name} {value!r} is unknown\nknown: {', '.join(map(str, CHOICES[name]))}")
    elif kind is int:
        if type(value) is not int or value < 1:
            raise AlbertError(f"{name} {value!r} is not a positive integer\ngive a whole number of at least 1")
    elif type(value) not in (int, float) or not 0 <= value < 1:
        raise AlbertError(f"{name} {value!r} is not a number from 0 to below 1\ngive, for example, 0.1")


def _nearest(word: str, known: Any) -> str:
    """'did you mean …? ' for a misspelt word, else nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f'did you mean "{close[0]}"? ' if close else ""
