import json

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam import coders

from pipelines.batches import ArrowBatchCoder, PackedBatchCoder, carry_batches
from tests.pipelines.documents import cleaned
from tests.pipelines.jobs import run, write_json
from tests.samples import NEWS

BATCH = cleaned(*(("news", f"f:{number}", text) for number, text in enumerate(NEWS.read_text("utf-8").split("\n\n"))))


@pytest.fixture
def packed():
    """Pipelines carry batches packed meanwhile."""
    carry_batches(packed=True)
    yield
    carry_batches(packed=False)


@pytest.mark.parametrize("coder", [ArrowBatchCoder(), PackedBatchCoder()])
def test_a_batch_comes_back_as_it_was(coder):
    for batch in (BATCH, BATCH.slice(3, 1), BATCH.slice(0, 0)):
        assert coder.decode(coder.encode(batch)).equals(batch)
        assert coder.encode(batch) == coder.encode(batch)


def test_a_slice_takes_what_its_rows_take():
    assert len(ArrowBatchCoder().encode(BATCH.slice(0, 1))) < len(ArrowBatchCoder().encode(BATCH)) / 5


def test_packed_text_takes_half_as_much_and_needs_no_other_reader():
    encoded = PackedBatchCoder().encode(BATCH)
    assert len(encoded) < 0.6 * len(ArrowBatchCoder().encode(BATCH))
    assert ArrowBatchCoder().decode(encoded).equals(BATCH)


def test_a_pipeline_carries_what_its_engine_is_paid_for(packed, tmp_path):
    assert isinstance(coders.registry.get_coder(pa.RecordBatch), PackedBatchCoder)

    def wire(pipeline: beam.Pipeline) -> None:
        keyed = pipeline | beam.Create([BATCH]) | beam.Map(lambda batch: (1, batch)).with_output_types(tuple[int, pa.RecordBatch])
        counts = keyed | beam.GroupByKey() | beam.Map(lambda item: [batch.num_rows for batch in item[1]])
        counts | beam.Map(write_json, str(tmp_path / "rows.json"))

    run(wire)
    assert json.loads((tmp_path / "rows.json").read_text()) == [BATCH.num_rows]


def test_nobody_else_packs():
    assert type(coders.registry.get_coder(pa.RecordBatch)) is ArrowBatchCoder
