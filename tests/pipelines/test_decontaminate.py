import dataclasses
import gzip
import json
import pickle

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pipelines import decontaminate
from pipelines.decontaminate import DecontaminationConfig, DropEvaluationText, FindEvaluationText, copy_for_workers, load_index
from pipelines.errors import BuildError
from tests.engines.object_stores import google  # noqa: F401 - a fixture
from tests.pipelines.documents import cleaned_texts, cut, kept_rows, rejected
from tests.pipelines.jobs import run
from tests.shared_data import shared

QUESTION = "北京大学的图书馆是在哪一年建成的呢？它的第一任馆长又是哪一位先生？后来怎么样了？"


@pytest.fixture
def task(tmp_path):
    path = tmp_path / "task.tsv"
    path.write_text(f"label\ttext\n1\t{QUESTION}\n", "utf-8")
    return path


def find(config: DecontaminationConfig, batches: list[pa.RecordBatch]) -> list:
    do_fn = pickle.loads(pickle.dumps(FindEvaluationText(config)))
    do_fn.setup()
    return [value for batch in batches for value in do_fn.process(batch)]


def test_the_reject_names_file_line_and_run(task):
    documents = cleaned_texts(["别的文章。", f"有人问：{QUESTION}", "还有一篇。"])
    found = find(DecontaminationConfig.of([str(task)]), [documents])
    assert [row["origin"] for row in kept_rows(found)] == ["a:0", "a:2"]
    run_ = QUESTION.replace("？", "")
    assert rejected(found) == [("a:1", "evaluation_text", f"37 characters as in {task}:2: {run_}")]
    assert find(DecontaminationConfig.of([str(task)]), cut(documents, 1))[1].value.equals(found[1].value)


def test_workers_elsewhere_read_copies_and_still_name_the_files(task, google):  # noqa: F811
    config = DecontaminationConfig.of([str(task)])
    assert copy_for_workers(config, str(task.parent)) == ()
    output = f"{google.bucket}/out"
    copies = copy_for_workers(config, output)
    assert copies == ((str(task), f"{output}/evaluation/{config.files[0].sha256}"),)
    task.unlink()
    do_fn = pickle.loads(pickle.dumps(FindEvaluationText(config, copies)))
    do_fn.setup()
    (found,) = list(do_fn.process(cleaned_texts([QUESTION])))
    assert rejected([found])[0][2].startswith(f"37 characters as in {task}:2: ")


def test_a_long_run_is_shown_in_part(tmp_path):
    text = "".join(chr(0x4E00 + i) for i in range(100))
    (tmp_path / "a.txt").write_text(text, "utf-8")
    ((_, _, message),) = rejected(find(DecontaminationConfig.of([str(tmp_path / "*")]), [cleaned_texts([text])]))
    assert message == f"100 characters as in {tmp_path}/a.txt:1: {text[:60]}…"


def test_a_batch_of_which_nothing_is_left(task):
    found = find(DecontaminationConfig.of([str(task)]), [cleaned_texts([QUESTION])])
    assert (kept_rows(found), len(rejected(found))) == ([], 1)


def test_without_files_batches_pass():
    batch = cleaned_texts([QUESTION])
    assert find(DecontaminationConfig.of([]), [batch]) == [batch]
    assert not DecontaminationConfig().is_on


def test_files_are_known_by_their_contents(task, tmp_path):
    (tmp_path / "copy.tsv").write_bytes(task.read_bytes())
    (tmp_path / "other.tsv.gz").write_bytes(gzip.compress(task.read_bytes() + b"2\tx\n", mtime=0))
    one, copy, other = (DecontaminationConfig.of([str(tmp_path / name)]) for name in ("task.tsv", "copy.tsv", "other.tsv.gz"))
    assert one.fingerprint() == copy.fingerprint() != other.fingerprint()
    assert dataclasses.replace(one, min_run=40).fingerprint() != one.fingerprint()
    both = DecontaminationConfig.of([str(tmp_path / "*.tsv"), str(task)])
    assert [file.path for file in both.files] == [str(tmp_path / "copy.tsv"), str(task)]
    assert json.loads(json.dumps(dataclasses.asdict(one)))["files"][0]["size"] == len(task.read_bytes())


def refusal(*patterns: str) -> str:
    with pytest.raises(BuildError) as refused:
        DecontaminationConfig.of(patterns)
    return str(refused.value)


def test_what_cannot_be_looked_for_is_refused(task, tmp_path, monkeypatch):
    assert refusal(f"{tmp_path}/no*") == (
        f"--decontaminate {tmp_path}/no* matches no file\ncheck the path; quote a glob so that the shell leaves it alone"
    )
    (tmp_path / "labels.json").write_text('{"label": "财经"}', "utf-8")
    assert refusal(f"{tmp_path}/labels.json") == (
        f"--decontaminate: no text of 16 Han characters in {tmp_path}/labels.json"
        "\ngive evaluation files: JSON, JSON Lines, TSV, CSV or plain lines, compressed or not"
    )
    (tmp_path / "bad.json").write_text('{"text": ', "utf-8")
    assert (
        refusal(f"{tmp_path}/bad.json").splitlines()[0].startswith(f"--decontaminate: {tmp_path}/bad.json cannot be read: Expecting value")
    )
    monkeypatch.setattr(decontaminate, "MAX_BYTES", 100)
    assert refusal(str(task)).splitlines()[0] == f"--decontaminate names {task.stat().st_size} bytes of files, more than 100"
    with pytest.raises(BuildError, match="min_run 15 is less than 16"):
        DecontaminationConfig(min_run=15)


def test_a_file_that_changed_after_the_launch_is_not_used(task):
    config = DecontaminationConfig.of([str(task)])
    load_index.cache_clear()
    task.write_text("1\t另一个测试用的句子，也有十六个以上的汉字。\n", "utf-8")
    with pytest.raises(BuildError, match="has changed since the job was launched"):
        find(config, [cleaned_texts([QUESTION])])


def test_every_example_of_a_real_task_is_found_in_a_document_that_holds_it():
    path = shared("data/tasks/tnews/test_public.json.xz")
    config = DecontaminationConfig.of([str(path)])
    index = load_index(config)
    texts = ["".join(map(chr, index.folded[start:end])) for start, end in zip(index.bounds[:-1:10], index.bounds[1::10], strict=True)]
    documents = cleaned_texts([f"前面的话。{text}。后面的话。" for text in dict.fromkeys(texts)])
    found = find(config, [documents])
    assert (len(rejected(found)), kept_rows(found)) == (documents.num_rows, [])
    assert documents.num_rows > 100


@pytest.mark.parametrize("is_on", [True, False])
def test_wiring(task, is_on):
    config = DecontaminationConfig.of([str(task)] if is_on else [])

    def build(pipeline: beam.Pipeline) -> None:
        result = pipeline | beam.Create(cut(cleaned_texts(["别的文章。", QUESTION]), 1)) | DropEvaluationText(config)
        assert result.kept.element_type == result.rejects.element_type == pa.RecordBatch
        kept = result.kept | "Kept" >> beam.FlatMap(lambda batch: batch.column("origin").to_pylist())
        reasons = result.rejects | "Reasons" >> beam.FlatMap(lambda batch: batch.column("reason").to_pylist())
        assert_that(kept, equal_to(["a:0"] if is_on else ["a:0", "a:1"]), label="kept")
        assert_that(reasons, equal_to(["evaluation_text"] if is_on else []), label="rejects")

    run(build)
