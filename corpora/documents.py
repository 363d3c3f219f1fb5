"""A raw document as it moves between the rooms."""

import pyarrow as pa

TEXT_FIELDS = tuple((name, pa.string()) for name in ("source", "origin", "title", "text"))
"""Source is the name of the corpus; origin is `file:offset`, `file:row` or `archive#member:offset`; the title is kept, but is never part of
the text, because it would give the sentence order away."""

RAW_SCHEMA = pa.schema([*TEXT_FIELDS, ("url", pa.string()), ("quality", pa.float32())])
"""The web address and the quality score are null where the format has none; rules ask for them, and they go no further."""
