"""The Dataflow job, up to the door: what Google would be given, and what it would not."""

import getpass
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pytest

from cli.data import main
from corpora.files import CorpusFile
from pipelines import storage
from pipelines.clean import CleanCorpus
from pipelines.dataflow import QUIET
from pipelines.environment import here, image_tag
from pipelines.instances import InstancesConfig
from pipelines.recipe import CleanConfig
from pipelines.user_dictionary import read_user_dictionary
from pipelines.write_dataset import WriteDataset
from tests.engines.dataflow_jobs import DataflowJob, describe_job, read_job
from tests.engines.object_stores import Store, google_storage
from tests.samples import ENCYCLOPEDIA, NEWS, vocabulary, write_vocabulary

pytestmark = pytest.mark.engines
LOGIN = "zhang-san-of-the-lab"
SECRET = "kIN0bodyShallSeeThis"
GRAPH_LIMIT = 10_000_000
"""Bytes: Dataflow's limit for a job's graph (cloud.google.com/dataflow/quotas)."""


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with google_storage() as store:
        yield store


@pytest.fixture(scope="module")
def job(store, tmp_path_factory) -> DataflowJob:
    """A whole build, launched by the command, by somebody with a name and a secret."""
    vocab = write_vocabulary(tmp_path_factory.mktemp("launcher"))
    for path in (ENCYCLOPEDIA, NEWS):
        storage.copy(str(path), f"{store.bucket}/corpus", path.name)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("LOGNAME", LOGIN), ("USER", LOGIN), ("GOOGLE_API_KEY", SECRET), ("AWS_SECRET_ACCESS_KEY", SECRET)):
            patch.setenv(name, value)
        assert getpass.getuser() == LOGIN
        template = f"{store.bucket}/template.json"
        command = ["build", "--corpus", f"{store.bucket}/corpus/*", "--vocab", str(vocab), "--output", f"{store.bucket}/Shards"]
        engine = ["--runner=DataflowRunner", "--project=some-project", "--region=europe-west1", f"--template_location={template}"]
        patch.setattr(sys, "argv", ["albert-data", *command, *engine])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
    return read_job(store.bucket, template)


def instances(config: InstancesConfig):
    """Wires stage three of 14 GB of documents."""
    documents = {"sources": [{"name": "wiki", "weight": 1.0}], "account": {"bytes.kept@wiki": 14 << 30}, "parts": []}

    def wire(pipeline: beam.Pipeline) -> None:
        manifest = pipeline | "Documents" >> beam.Create([documents])
        _ = manifest | "Instances" >> WriteDataset(config, "gs://corpora/in", "gs://corpora/Shards", "0" * 64)

    return wire


def test_workers_get_our_image_and_the_options_of_the_table(job):
    image = f"europe-west1-docker.pkg.dev/some-project/albert-zh/worker:{image_tag(here())}"
    assert job.pool["workerHarnessContainerImage"] == image
    assert [entry["containerImage"] for entry in job.pool["sdkHarnessContainerImages"]] == [image]
    assert {name: job.pool[name] for name in ("machineType", "diskSizeGb", "diskType", "numThreadsPerWorker")} == {
        "machineType": "n2-standard-4",
        "diskSizeGb": 50,
        "diskType": "compute.googleapis.com/projects//zones//diskTypes/pd-ssd",
        "numThreadsPerWorker": 4,
    }
    assert job.pool["autoscalingSettings"] == {"algorithm": "AUTOSCALING_ALGORITHM_BASIC", "maxNumWorkers": 20}
    assert (job.template["type"], job.template["name"]) == ("JOB_TYPE_BATCH", "albert-data-shards")
    assert job.template["labels"] == {"tool": "albert-zh-toolkit"}
    assert {"use_runner_v2", QUIET} <= set(job.template["environment"]["experiments"])
    options = job.template["environment"]["sdkPipelineOptions"]["options"]
    assert options["temp_location"].startswith("gs://corpora/dataflow/temp/albert-data-shards.")
    assert options["staging_location"].startswith("gs://corpora/dataflow/staging/albert-data-shards.")
    assert (options["save_main_session"], options["streaming"], options["sdk_location"]) == (False, False, "container")


def test_nothing_is_staged_but_the_graph(job):
    assert list(job.staged) == ["pipeline.pb"]
    assert job.pool.get("packages", []) == []


def test_the_job_is_far_from_dataflows_limit(job):
    assert len(job.staged["pipeline.pb"]) < GRAPH_LIMIT / 20
    assert len(str(job.template)) < 20_000


def test_no_path_no_name_and_no_secret_of_this_machine_is_in_it(job):
    texts = dict(job.texts())
    assert len(texts) > 60
    assert sum(vocabulary() in text for text in texts.values()) >= 2  # what is pickled is seen: the vocabulary is in it
    folders = {
        str(Path(folder))
        for folder in (Path(__file__).parents[2], Path.home(), sys.prefix, sys.base_prefix, *sys.path)
        if Path(folder).is_absolute()
    }
    hidden = {folder.encode() for folder in folders if folder != "/"} | {LOGIN.encode(), SECRET.encode()}
    hidden |= {name.encode() for name in (socket.gethostname(), os.environ.get("HOSTNAME", "")) if len(name) > 4}
    assert len(hidden) > 6
    assert {name: word for name, text in texts.items() for word in hidden if word in text} == {}


def test_a_dictionary_of_a_hundred_thousand_words_fits(store):
    words = "".join(f"{chr(0x4E00 + i // 300)}{chr(0x5000 + i % 300 * 7)}云 {i + 1}\n" for i in range(100_000))
    dictionary = read_user_dictionary("words.txt", lambda path: words.encode())
    assert dictionary.num_words == 100_000
    small = len(describe_job(store.bucket, instances(InstancesConfig(vocabulary=vocabulary()))).staged["pipeline.pb"])
    large = describe_job(store.bucket, instances(InstancesConfig(vocabulary=vocabulary(), user_dictionary=dictionary)))
    assert small < len(large.staged["pipeline.pb"]) < GRAPH_LIMIT / 2


def test_a_corpus_of_ten_thousand_files_fits(store):
    files = [
        CorpusFile(
            path=f"gs://corpora/web/2019/part-{i:05}-of-10000.jsonl.gz", size=3_000_000 + i, source="web", format="jsonl", changed=1.7e9 + i
        )
        for i in range(10_000)
    ]
    descriptions = {"web": {"fingerprint": "0" * 64, "inputs": []}}
    clean = CleanCorpus(files, CleanConfig(), "gs://corpora/Shards", descriptions=descriptions)
    job = describe_job(store.bucket, lambda pipeline: pipeline | "Clean" >> clean)
    assert len(job.staged["pipeline.pb"]) < GRAPH_LIMIT / 2
