"""What `--language` changes. Chinese is the default; `other` is any language that parts words by blanks (the reference's `non_chinese`)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pipelines.segmenters import SegmenterName

Language = Literal["chinese", "other"]

SEGMENTERS: Mapping[Language, SegmenterName] = MappingProxyType({"chinese": "rjieba", "other": "none"})
"""Where words come from. Without a segmenter a word is what BERT's own tokenizer parts by blanks and punctuation, with its ## pieces."""

RULES: Mapping[Language, Mapping[str, Any]] = MappingProxyType(
    {
        "chinese": {},
        "other": {
            "min_wrapped_han_share": 0.0,
            "min_line_han_share": 0.0,
            "min_han": 0,
            "min_han_share": 0.0,
            "max_kana_share": 1.0,
            "max_hangul_share": 1.0,
        },
    }
)
"""Thresholds of the recipe that have other defaults: rules that count Han are off, else nothing were left."""
