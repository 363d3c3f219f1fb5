"""Elements handed out to all workers; on Flink each with a bundle of its own, so that what becomes of it need not fit into memory."""

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.userstate import BagStateSpec, RuntimeState
from apache_beam.typehints import Any as AnyType

from pipelines import flink

KEY_BYTES = 16


class Spread(beam.PTransform):
    """Work (files, ranges, row groups; batches of a stream) → the same in any order, for stages that make much of each.

    In a batch job Beam's Flink runner makes one bundle of all that a task gets, and keeps the bundle's output, up to 100 messages of
    10 MB, until the worker says that the bundle is done (`SdkHarnessClient.ActiveBundle.close`, Beam 2.62 to 2.70): the heap had to hold
    as much as a task makes, and a task that made more stood still. A stage with state gets a bundle for each key. Elsewhere state would
    cost: it keeps the in-process runner to one worker. There this is a `Reshuffle`. On Flink an element has to fit into a sort buffer.
    """

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        """As many elements as came in, of their type."""
        if not flink.is_asked_for(elements.pipeline.options):
            return elements | beam.Reshuffle()
        kind = elements.element_type or AnyType
        return (
            elements
            | "Key" >> beam.Map(_with_key).with_output_types(beam.typehints.Tuple[bytes, kind])
            | "OwnBundle" >> beam.ParDo(_OwnBundle()).with_output_types(kind)
        )


def _with_key(element: Any) -> tuple[bytes, Any]:
    return os.urandom(KEY_BYTES), element  # as `Reshuffle` does: which worker gets it matters to nobody


class _OwnBundle(beam.DoFn):
    """(key, element) → element. The state stays empty: that there is one is what Flink goes by."""

    EMPTY = BagStateSpec("empty", beam.coders.BytesCoder())

    def process(self, pair: tuple[bytes, Any], _: RuntimeState = beam.DoFn.StateParam(EMPTY)) -> Iterator[Any]:  # noqa: B008 - how Beam is told
        yield pair[1]
