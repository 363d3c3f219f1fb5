import pytest

from pipelines.errors import BuildError
from pipelines.planning.engines import ENGINES, duration, find_engine, machine_bytes, peak_bytes
from pipelines.planning.estimates import Estimate


def test_one_worker_takes_as_long_as_the_work():
    took = duration("DirectRunner", 1, None, work=Estimate(100.0, 10.0), fixed_seconds=5, serial_seconds=7, num_jobs=3)
    assert took.seconds == Estimate(105.0, 10.0)
    assert took.formula == "0 s + 3 jobs × 0 s + 5 s fixed + max(7 s read by one worker, 100 s of CPU ÷ (1 workers × 1 cores × 1))"


def test_workers_share_the_work_but_not_the_longest_file():
    shared = duration("FlinkRunner", 10, 2, work=Estimate(1600.0, 160.0), fixed_seconds=5, serial_seconds=20, num_jobs=3)
    assert shared.seconds == Estimate(10 + 3 * 18 + 5 + 100, 10.0)
    held_up = duration("FlinkRunner", 100, 2, work=Estimate(1600.0, 160.0), fixed_seconds=5, serial_seconds=20, num_jobs=3)
    assert held_up.seconds == Estimate(10 + 3 * 18 + 5 + 20, 0.0)


def test_the_direct_runner_keeps_everything_others_a_shard():
    kept = Estimate(1e9, 1e8)
    assert peak_bytes("DirectRunner", 1, kept, 1e6) == Estimate((720 << 20) + 6e9, 6e8)
    assert peak_bytes("DataflowRunner", 50, kept, 1e6) == Estimate((450 << 20) + 1e6, 0.0)
    assert machine_bytes() > 1 << 28


def test_runners_are_known_by_their_names():
    assert [find_engine(name) for name in ("", "FnApiRunner", "flink", "dataflowrunner")] == [
        "DirectRunner",
        "DirectRunner",
        "FlinkRunner",
        "DataflowRunner",
    ]
    with pytest.raises(BuildError, match=r"--runner SparkRunner: nothing is known here .*\nknown: DirectRunner, PrismRunner"):
        find_engine("SparkRunner")
    assert all(engine.source for engine in ENGINES.values())
