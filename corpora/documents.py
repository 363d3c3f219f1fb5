"""A raw document as it moves between the rooms."""

import pyarrow as pa

RAW_SCHEMA = pa.schema([(name, pa.string()) for name in ("source", "origin", "title", "text")])
"""Source is the corpus' format name; origin is `file:offset` or `file:row`; the title is kept, but is never part of the text, because it
would give the sentence order away."""
