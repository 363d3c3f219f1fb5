import base64
import contextlib
import http.server
import json
import threading

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines import progress
from pipelines.errors import BuildError, BuildWarning
from pipelines.flink import counts_of_flink, read_metrics, warn_of_large_tasks
from pipelines.runners import parse_beam_options
from pipelines.waiting import ask_for_counts

NAME = "BeamApp-me-1129-0001"


def info(namespace: str, name: str, payload: bytes) -> dict[str, object]:
    labels = {"PTRANSFORM": "ParDo", "NAMESPACE": namespace, "NAME": name}
    return {"urn": "beam:metric:user:sum_int64:v1", "labels": labels, "payload": base64.b64encode(payload).decode()}


# As a Flink accumulator has them: 300 is two bytes as a varint.
METRICS = json.dumps(
    {
        "metrics": {
            "attempted": [
                {"urn": "beam:metric:element_count:v1", "labels": {"PCOLLECTION": "ref_1"}, "payload": "CA=="},
                info(progress.NAMESPACE, "cleaned", b"\xac\x02"),
                info(progress.NAMESPACE, "cleaned", b"\x05"),
                info(progress.NAMESPACE, "shards", b"\x02"),
                info("other", "cleaned", b"\x07"),
            ]
        }
    }
)


def test_counters_of_ours_are_summed_over_steps():
    assert read_metrics(METRICS) == {"cleaned": 305, "shards": 2}


@pytest.fixture
def flink():
    """Answers as Flink's REST interface does."""
    jobs = [{"jid": "old", "name": NAME, "start-time": 1}, {"jid": "new", "name": NAME, "start-time": 2}]
    answers = {
        "/jobs/overview": {"jobs": [*jobs, {"jid": "foreign", "name": "other", "start-time": 3}]},
        "/jobs/new/accumulators": {"user-task-accumulators": [{"name": "__metricscontainers", "value": METRICS}]},
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path, {})).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, contextlib.ExitStack() as stack:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        yield f"127.0.0.1:{server.server_address[1]}"


def test_a_cluster_tells_of_the_last_job_of_that_name(flink):
    assert counts_of_flink(f"http://{flink}", NAME) == {"cleaned": 305, "shards": 2}
    assert counts_of_flink(f"http://{flink}", "unknown") == {}
    assert counts_of_flink("http://127.0.0.1:1", NAME) == {}


def test_the_cluster_is_the_one_that_the_options_name(flink):
    class Result:
        _job_id = f"{NAME}_87a0977e-3208-4864-9d7e-349914a81d03"

    ask = ask_for_counts(Result(), parse_beam_options(["--runner=FlinkRunner", f"--flink_master={flink}"]))
    assert ask() == {"cleaned": 305, "shards": 2}


def test_tasks_that_would_make_more_than_the_runner_holds_are_warned_of_with_the_options_that_help():
    with pytest.warns(BuildWarning) as caught:
        warn_of_large_tasks(parse_beam_options(["--runner=FlinkRunner", "--parallelism=16"]), 30_000_000_000)
    assert str(caught[0].message).splitlines() == [
        "30.0 GB over 16 tasks of Flink: what a task makes waits in memory until the task ends, and above about 1.1 GB it never does",
        "on a cluster: --parallelism 224 --execution_mode_for_batch BATCH_FORCED"
        " (there may be more tasks than slots; they run one after another)",
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("options", "num_bytes"),
    [
        (["--runner=FlinkRunner", "--parallelism=224"], 30_000_000_000),
        (["--runner=PortableRunner"], 1 << 30),
        (["--runner=DataflowRunner"], 1 << 40),
        ([], 1 << 40),
    ],
)
def test_other_jobs_are_not_warned_of(options, num_bytes):
    warn_of_large_tasks(PipelineOptions(options), num_bytes)


def test_the_job_servers_execution_mode_is_an_option():
    options = parse_beam_options(["--runner=FlinkRunner", "--execution_mode_for_batch=BATCH_FORCED"])
    assert options.get_all_options(drop_default=True)["execution_mode_for_batch"] == "BATCH_FORCED"
    with pytest.raises(BuildError, match="invalid choice: 'FORCED'"):
        parse_beam_options(["--runner=FlinkRunner", "--execution_mode_for_batch=FORCED"])
