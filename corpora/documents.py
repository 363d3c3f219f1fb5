"""A raw document as it moves between the rooms."""

import pyarrow as pa

RAW_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "origin", "title", "text")])
"""source: the corpus' format name; origin: `file:offset` or `file:row`; title: kept, never part of the text (it would give the sentence order away)."""
