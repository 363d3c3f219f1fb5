"""The build as one job: the same folder, byte for byte, as several jobs leave; and what it leaves when no dataset comes of it."""

import json
from pathlib import Path

import pytest

from pipelines.build import run_build
from pipelines.errors import BuildError, BuildWarning
from pipelines.near_duplicates import NearDuplicatesConfig
from pipelines.one_job import run_one_job
from pipelines.runners import parse_beam_options
from pipelines.verification import verify
from tests.pipelines.test_build import CORPORA, ONE_WORKER, config
from tests.samples import DIRTY, ENCYCLOPEDIA, NEWS

pytestmark = pytest.mark.filterwarnings("ignore::pipelines.errors.BuildWarning")  # the kites of the dirty sample are [UNK]
CHANGES = {"corpora": (*CORPORA, DIRTY), "instances": {"num_shards": 3}}  # near duplicates and exact copies among them


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def several_jobs(tmp_path_factory) -> dict[str, bytes]:
    """What the build of several jobs leaves, file by file."""
    output = tmp_path_factory.mktemp("several")
    run_build(config(output, **CHANGES), ONE_WORKER)
    return contents(output)


def test_one_job_leaves_the_same_folder_byte_for_byte(several_jobs, tmp_path):
    manifest = run_one_job(config(tmp_path, **CHANGES), ONE_WORKER)
    assert contents(tmp_path) == several_jobs
    assert manifest == json.loads(several_jobs["manifest.json"])
    assert sum(manifest["documents"]["rejected"].values()) > 0
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    assert run_one_job(config(tmp_path, **CHANGES), ONE_WORKER) == run_build(config(tmp_path, **CHANGES), ONE_WORKER) == manifest
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()} == written
    with pytest.raises(BuildError, match="holds a finished dataset of another corpus or other options"):
        run_one_job(config(tmp_path, **{**CHANGES, "instances": {"seed": 2}}), ONE_WORKER)


def test_one_job_goes_on_where_another_build_ended(several_jobs, tmp_path):
    """A source that is clean already is not cleaned again, nor is one that the failed job cleaned."""
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(ENCYCLOPEDIA.read_bytes() + b"{not json\n" * 101)
    corpora, output = [NEWS, f"wiki2019zh={bad}"], tmp_path / "out"
    news = config(output, [NEWS])
    run_build(news, ONE_WORKER)
    cleaned = (output / "cleaned" / "news" / "manifest.json").stat().st_mtime_ns
    with pytest.raises(BuildError, match="101 of 195 documents could not be read"):
        run_one_job(config(output, corpora, overwrite=True), ONE_WORKER)
    assert not (output / "manifest.json").exists()
    assert not list(output.glob("*.tfrecord"))
    assert not (output / "build.lock").exists()
    (line,) = verify(str(output))
    assert line.startswith("failure.json: the last job wrote no dataset: 101 of 195 documents could not be read: more than 100 and than ")
    wiki = (output / "cleaned" / "wiki2019zh" / "manifest.json").stat().st_mtime_ns
    with pytest.raises(BuildError, match="101 of 195 documents could not be read"):  # at once: all is clean, no job is needed to see it
        run_one_job(config(output, corpora), ONE_WORKER)
    manifest = run_one_job(config(output, corpora, max_error_rate=0.7), ONE_WORKER)
    assert (output / "cleaned" / "news" / "manifest.json").stat().st_mtime_ns == cleaned
    assert (output / "cleaned" / "wiki2019zh" / "manifest.json").stat().st_mtime_ns == wiki
    assert manifest["account"]["errors"] == 101
    assert verify(str(output)) == []


def test_documents_that_nothing_can_double_lie_in_the_same_files_too(tmp_path):
    """Several jobs copy the clean ones; one job does not know yet that it could."""
    changes = {"corpora": [NEWS], "near_duplicates": NearDuplicatesConfig(min_jaccard=0)}
    for name, build in (("several", run_build), ("one", run_one_job)):
        build(config(tmp_path / name, **changes), ONE_WORKER)
    assert contents(tmp_path / "one") == contents(tmp_path / "several")


def test_documents_that_give_no_instance_leave_the_reason(tmp_path):
    corpus = tmp_path / "lines.txt"
    corpus.write_text(
        "今天天气很好我们一起去公园散步看见许多花都开了非常漂亮大家都很高兴地拍照留念然后慢慢走回家吃晚饭休息睡觉。\n", "utf-8"
    )
    with pytest.raises(BuildError, match="no instance came of 1 documents: each of 2 chunks is one sentence without a clause mark"):
        run_one_job(config(tmp_path / "out", [corpus]), ONE_WORKER)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"build.json", "cleaned", "documents", "failure.json"}
    assert "no instance came of 1 documents" in verify(str(tmp_path / "out"))[0]
    with pytest.warns(BuildWarning, match="the last job in .* wrote no dataset: no instance came"), pytest.raises(BuildError):
        run_build(config(tmp_path / "out", [corpus]), ONE_WORKER)


def test_only_engines_that_go_on_by_themselves_are_left(tmp_path):
    with pytest.raises(BuildError, match=r"--no-wait with --runner=DirectRunner: its job ends with this command\n"):
        run_one_job(config(tmp_path), ONE_WORKER, wait=False)
    options = parse_beam_options(["--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=LOOPBACK"])
    with pytest.raises(BuildError, match="--no-wait with --environment_type=LOOPBACK: the workers live in this command"):
        run_one_job(config(tmp_path), options, wait=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.integration
def test_two_workers_leave_the_same_folder(several_jobs, tmp_path):
    run_one_job(config(tmp_path, **CHANGES, batch_bytes=5000), parse_beam_options(["--direct_num_workers=2"]))
    assert contents(tmp_path) == several_jobs
