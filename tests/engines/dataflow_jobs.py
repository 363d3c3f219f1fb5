"""A Dataflow job as Beam would submit it, read back from a template on the emulated storage: its JSON, its graph, what is staged."""

import base64
import bz2
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.portability.api import beam_runner_api_pb2

from pipelines import storage
from pipelines.runners import parse_beam_options, run_job

_PICKLED = re.compile(rb"QlpoOTFBWSZT[A-Za-z0-9+/]+")
"""The beginning of a compressed pickle in base64, and what follows."""


class DataflowJob(NamedTuple):
    """What Google would be given."""

    template: dict[str, Any]
    staged: dict[str, bytes]
    """File name → content; `pipeline.pb` is the graph."""

    @property
    def graph(self) -> beam_runner_api_pb2.Pipeline:
        """Beam's own form of the pipeline."""
        return beam_runner_api_pb2.Pipeline.FromString(self.staged["pipeline.pb"])

    @property
    def pool(self) -> dict[str, Any]:
        """The one pool of workers."""
        (pool,) = self.template["environment"]["workerPools"]
        return dict(pool)

    def pickles(self) -> Iterator[bytes]:
        """Every pickled function, coder and element, unpacked."""
        for found in _PICKLED.finditer(self.staged["pipeline.pb"]):
            encoded = found[0]
            yield bz2.BZ2Decompressor().decompress(base64.b64decode(encoded[: len(encoded) // 4 * 4]))

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """All that leaves this machine, by name."""
        yield "template", json.dumps(self.template, ensure_ascii=False).encode()
        yield from self.staged.items()
        for number, pickle in enumerate(self.pickles()):
            yield f"pickle {number}", pickle


def describe_job(bucket: str, wire: Callable[[beam.Pipeline], object], *arguments: str) -> DataflowJob:
    """The job that `wire` makes, with the options of a build into `BUCKET/Shards`."""
    template = f"{bucket}/template.json"
    base = ["--runner=DataflowRunner", "--project=some-project", "--region=europe-west1", f"--template_location={template}"]
    run_job(wire, parse_beam_options([*base, *arguments], output=f"{bucket}/Shards"))
    return read_job(bucket, template)


def read_job(bucket: str, template: str) -> DataflowJob:
    """The job in a template, and what was staged for it."""
    job = json.loads(storage.read(template))
    staging = job["environment"]["sdkPipelineOptions"]["options"]["staging_location"]
    staged = {path.rsplit("/", 1)[-1]: storage.read(path) for path in storage.list_files(f"{staging}/**")}
    return DataflowJob(job, staged)
