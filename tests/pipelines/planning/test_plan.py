"""A plan of the sample corpus against its build, to the last document where the sample is all of it."""

import dataclasses
import json

import pytest

from corpora.sources import source_of
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig
from pipelines.errors import BuildError
from pipelines.instances import InstancesConfig
from pipelines.near_duplicates import NearDuplicatesConfig
from pipelines.planning.plan import PlanConfig, machine_of, make_plan, workers_of
from pipelines.runners import parse_beam_options
from tests.samples import COMMUNITY, DIRTY, ENCYCLOPEDIA, NEWS, vocabulary

SOURCES = tuple(source_of(str(path)) for path in (ENCYCLOPEDIA, NEWS, f"{COMMUNITY}/*.txt", DIRTY))


def build_config(output: str, **changes) -> BuildConfig:
    instances = InstancesConfig(vocabulary=vocabulary(), dupe_factor=3)
    cleaning = CleaningConfig(output=output, sources=SOURCES, near_duplicates=NearDuplicatesConfig(min_jaccard=0))
    return BuildConfig(cleaning=dataclasses.replace(cleaning, **changes), instances=instances)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    output = tmp_path_factory.mktemp("built") / "out"
    return output, run_build(build_config(str(output)), parse_beam_options([]))


def test_a_sample_that_is_the_corpus_foretells_the_very_build(built):
    output, manifest = built
    foretold = make_plan(PlanConfig(build=build_config("")))
    documents = manifest["documents"]
    assert foretold["documents"]["read"] == {"value": documents["read"], "low": documents["read"], "high": documents["read"]}
    assert foretold["documents"]["kept"]["value"] == documents["kept"]
    assert {reason: found["value"] for reason, found in foretold["documents"]["rejected"].items()} == documents["rejected"]
    assert foretold["text"]["kept_bytes"]["value"] == manifest["account"]["bytes.kept"]
    # held-out documents are drawn once, and of so few none or one is held out
    assert foretold["instances"]["value"] == pytest.approx(manifest["instances"], rel=0.03)
    assert foretold["shards"] == {"kind": "static", "train": 1, "eval": 1}
    written = sum(path.stat().st_size for path in output.rglob("*") if path.suffix in (".tfrecord", ".parquet"))
    assert foretold["written_bytes"]["total"]["value"] == pytest.approx(written, rel=0.05)


def test_a_sample_foretells_within_its_interval(built, tmp_path, monkeypatch):
    """A third of the news and the encyclopedia, in small pieces; the law is loose because the corpus is tiny."""
    monkeypatch.setattr("pipelines.planning.corpus_sample.PIECE_BYTES", 2000)
    monkeypatch.setattr("pipelines.planning.corpus_sample.WINDOW_BYTES", 500)
    monkeypatch.setattr("pipelines.planning.plan.MIN_SOURCE_BYTES", 0)
    _, manifest = built
    foretold = make_plan(PlanConfig(build=build_config(""), sample_bytes=1 << 16))
    assert 0.1 < foretold["corpus"]["sampled_share"] < 0.9
    assert foretold["instances"]["value"] == pytest.approx(manifest["instances"], rel=0.15)
    assert foretold["documents"]["read"]["value"] == pytest.approx(manifest["documents"]["read"], rel=0.15)
    assert foretold["instances"]["low"] < foretold["instances"]["value"] < foretold["instances"]["high"]
    json.dumps(foretold)


def test_samples_limits_and_caps_scale_what_is_taken():
    whole = make_plan(PlanConfig(build=build_config("")))
    half = make_plan(PlanConfig(build=build_config("", sample=0.5)))
    assert half["instances"]["value"] == pytest.approx(whole["instances"]["value"] / 2, abs=1)
    assert half["corpus"] == whole["corpus"]
    limited = make_plan(PlanConfig(build=build_config("", limit=10)))
    assert limited["documents"]["read"]["value"] == 10
    capped = dataclasses.replace(SOURCES[1], cap=8)
    one = make_plan(PlanConfig(build=build_config("", sources=(capped,))))
    assert one["documents"]["read"]["value"] == 8


def test_more_workers_take_less_time_and_say_how_it_is_reckoned():
    one, many = (make_plan(PlanConfig(build=build_config(""), runner="FlinkRunner", workers=n))["time"] for n in (1, 50))
    assert many["seconds"]["value"] < one["seconds"]["value"]
    assert "÷ (50 workers × 1 cores × 0.8)" in many["formula"]


def test_a_part_of_the_corpus_is_a_size_of_the_sample():
    whole = make_plan(PlanConfig(build=build_config(""), sample_share=1.0))
    assert whole["sample"] == make_plan(PlanConfig(build=build_config("")))["sample"] | {"seconds": whole["sample"]["seconds"]}


def test_dataflow_has_a_price_for_each_number_of_workers():
    options = parse_beam_options(["--runner=DataflowRunner", "--max_num_workers=20", "--worker_machine_type=n2-highmem-4"])
    config = PlanConfig(build=build_config(""), runner="DataflowRunner", workers=20, machine=machine_of(options))
    foretold = make_plan(config)
    uses = foretold["cloud"]["uses"]
    assert [use["workers"] for use in uses] == [1, 10, 20, 50, 200]
    assert all(use["vcpu_hours"] == pytest.approx(use["workers"] * 4 * use["hours"], rel=0.05) for use in uses)
    assert uses[2]["hours"] == pytest.approx(foretold["time"]["seconds"]["value"] / 3600, abs=0.001)
    assert "÷ (20 workers × 4 cores × 0.7)" in foretold["time"]["formula"]
    assert uses[0]["shuffle_gb"] == round(2 * foretold["shuffled_bytes"]["value"] / 2**30, 3)
    assert sum(part["value"] for part in foretold["shuffles"].values()) == pytest.approx(foretold["shuffled_bytes"]["value"], abs=9)
    assert machine_of(parse_beam_options([])) is None


def test_a_worker_that_is_too_small_is_named():
    options = parse_beam_options(["--runner=DataflowRunner", "--worker_machine_type=n1-highcpu-4"])
    config = PlanConfig(build=build_config(""), runner="DataflowRunner", machine=machine_of(options))
    few = dataclasses.replace(config.build.instances, num_shards=1)
    grown = dataclasses.replace(config.build.cleaning, batch_bytes=256 << 20)
    warnings = make_plan(dataclasses.replace(config, build=BuildConfig(cleaning=grown, instances=few)))["warnings"]
    assert "a worker n1-highcpu-4 would need" in warnings[0]


def test_memory_and_room_that_are_short_warn(monkeypatch, tmp_path):
    monkeypatch.setattr("pipelines.planning.answer.machine_bytes", lambda: 1e8)
    monkeypatch.setattr("pipelines.planning.answer._free_bytes", lambda output: 1e4)
    warnings = make_plan(PlanConfig(build=build_config(str(tmp_path / "out"))))["warnings"]
    assert ["this machine has 0.1 GB" in warnings[0], "0.0 GB are free in --output" in warnings[1]] == [True, True]
    assert not (tmp_path / "out").exists()


def test_a_corpus_of_which_nothing_is_left_says_why(tmp_path):
    (tmp_path / "short.txt").write_text("你好\n", "utf-8")
    config = PlanConfig(build=build_config("", sources=(source_of(str(tmp_path / "short.txt")),)))
    with pytest.raises(BuildError, match=r"no document of the sample is left: \w+ 1\n"):
        make_plan(config)
    (tmp_path / "short.txt").write_text("", "utf-8")
    with pytest.raises(BuildError, match="no record was found"):
        make_plan(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"sample_bytes": 10}, "--sample-size 10 bytes"), ({"workers": 0}, "--workers 0"), ({"worker_cores": 0}, "--worker-cores 0")],
)
def test_bad_options_are_named(changes, message):
    with pytest.raises(BuildError, match=message):
        PlanConfig(build=build_config(""), **changes)


def test_the_number_of_workers_is_what_beam_is_told():
    assert workers_of(parse_beam_options([])) == 1
    assert workers_of(parse_beam_options(["--direct_num_workers=4"])) == 4
    assert workers_of(parse_beam_options(["--runner=FlinkRunner", "--parallelism=8"])) == 8
    assert workers_of(parse_beam_options(["--runner=DataflowRunner", "--max_num_workers=30"])) == 30
