"""Stage three, wired: the manifest of documents in; shards, the card and, last, the manifest of the dataset out.

manifest of the documents ─▶ ReadDocuments ─▶ MakeShards ─▶ WriteManifest ─▶ manifest of the dataset
                         └─▶ PlanShards ────────┘
"""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from albert_core.shards import MANIFEST, VOCABULARY
from pipelines import storage
from pipelines.accounts import Account, SumAccounts
from pipelines.dataset_card import dataset_card
from pipelines.errors import BuildError
from pipelines.failures import write_failure
from pipelines.instances import InstancesConfig, MadeShards, MakeShards
from pipelines.manifest import counts_of, describe_shard, make_manifest
from pipelines.output_folder import CARD, DOCUMENTS
from pipelines.read_documents import ReadDocuments
from pipelines.write_shards import ShardPlan


class WriteDataset(beam.PTransform):
    """The manifest of documents → shards and the manifest of the dataset, which it gives: none, if they are no dataset (failures.py).

    If none comes, nothing is written.
    """

    def __init__(self, config: InstancesConfig, documents: str, output: str, fingerprint: str):
        """`documents`: the output folder in which they lie. `fingerprint`: of the dataset."""
        super().__init__()
        self.config, self.documents, self.output, self.fingerprint = config, documents, output, fingerprint

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """The manifest says how many shards there are, where the documents lie, and what the new manifest repeats."""
        plan = documents | "PlanShards" >> beam.Map(plan_shards, self.config, self.output).with_output_types(ShardPlan)
        batches = documents | "ReadDocuments" >> ReadDocuments(storage.join(self.documents, DOCUMENTS))
        made = batches | "MakeShards" >> MakeShards(self.config, plan)
        return documents | "WriteManifest" >> WriteManifest(self.output, self.config, self.fingerprint, made)


def plan_shards(documents: dict[str, Any], config: InstancesConfig, output: str) -> ShardPlan:
    """Where the shards of documents go, whose manifest is given, and how many there are."""
    weights = {source["name"]: source["weight"] for source in documents["sources"]}
    used_bytes = round(sum(weight * documents["account"].get(f"bytes.kept@{name}", 0) for name, weight in weights.items()))
    return config.plan(output, used_bytes, weights)


class WriteManifest(beam.PTransform):
    """The manifest of the documents → that of the dataset, written by the pipeline itself: the launcher may be gone by then."""

    def __init__(self, output: str, config: InstancesConfig, fingerprint: str, made: MadeShards):
        super().__init__()
        self.output, self.config, self.fingerprint, self.made = output, config, fingerprint, made

    def expand(self, documents: beam.PCollection) -> beam.PCollection:
        """One small element for each shard reaches one worker, and all counts as one sum."""
        results = self.made.results
        shards = results | "DescribeShards" >> beam.Map(describe_shard).with_output_types(dict[str, Any])
        counts = (
            (results | "CountsOfShards" >> beam.Map(counts_of).with_output_types(Account), self.made.accounts)
            | "FlattenCounts" >> beam.Flatten()
            | "SumAccounts" >> SumAccounts()
        )
        write = _WriteManifest(self.output, self.config, self.fingerprint)
        return documents | "Write" >> beam.ParDo(write, beam.pvalue.AsSingleton(counts), beam.pvalue.AsList(shards)).with_output_types(
            dict[str, Any]
        )


class _WriteManifest(beam.DoFn):
    def __init__(self, output: str, config: InstancesConfig, fingerprint: str):
        self.output, self.config, self.fingerprint = output, config, fingerprint

    def process(self, documents: dict[str, Any], counts: Account, shards: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        try:
            manifest = make_manifest(shards, counts, self.config, documents, self.fingerprint)
        except BuildError as error:
            write_failure(self.output, error)
            return
        storage.write(self.output, VOCABULARY, self.config.vocabulary)
        storage.write(self.output, CARD, dataset_card(manifest).encode())
        storage.write_json(self.output, MANIFEST, manifest)
        yield manifest
