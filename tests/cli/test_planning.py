"""albert-data plan as a user meets it."""

import json
import sys

import pytest

from cli.data import main
from tests.samples import ENCYCLOPEDIA, NEWS, write_vocabulary


@pytest.fixture
def plan(monkeypatch, capsys, tmp_path):
    """Runs the command in this process; returns exit code, standard output and standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["albert-data", "plan", "--vocab", str(write_vocabulary(tmp_path)), *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


def test_a_plan_takes_the_options_of_a_build_and_writes_nothing(plan, tmp_path):
    output = tmp_path / "shards"
    arguments = ["--corpus", NEWS, "--corpus", ENCYCLOPEDIA, "--output", output, "--dupe-factor", 1, "--max-seq-length", 64]
    code, out, err = plan(*arguments, "--runner=DataflowRunner", "--max_num_workers=20", "--price", "vcpu_hour=0.07")
    assert (code, err) == (0, "")
    assert "documents   94 ± 0.0% read, 93 ± 0.0% kept" in out
    assert "with DataflowRunner, 20 workers" in out
    assert "            encyclopedia" in out
    assert "worker      n2-standard-4: 4 vCPU, 16 GB, disk 50 GB; needs " in out
    assert "price       workers  hours" in out
    assert "$ of us-central1, 2024/25: vcpu_hour 0.07, memory_gb_hour 0.003557" in out
    assert "assumed     prices of us-central1 as published for 2024/25" in out
    assert "not seen    near duplicates are not looked for in a sample" in out
    assert not output.exists()
    told = json.loads(plan(*arguments, "--json")[1])
    assert told["documents"]["kept"] == {"value": 93, "low": 93, "high": 93}
    assert (told["time"]["runner"], told["time"]["workers"], told["cloud"]) == ("DirectRunner", 1, None)
    assert set(told["sources"]) == {"news", "encyclopedia"}
    assert told["sample"]["documents"] == 94


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no --corpus"),
        (["--corpus", "none/*.txt"], "no file matches 'none/*.txt'"),
        (["--corpus", NEWS, "--sample-size", "much"], "'much' is no size such as 20MB, 500kB or 2%"),
        (["--corpus", NEWS, "--sample-size", "200%"], "--sample-size 200.00% is not between 0 and 100 %"),
        (["--corpus", NEWS, "--price", "cpu=1"], "--price cpu=1: there is no price of that name"),
        (["--corpus", NEWS, "--runner", "DataflowRunner", "--worker_machine_type", "huge"], "--worker_machine_type huge: its name"),
        (["--corpus", NEWS, "--sample-size", "1kB"], "--sample-size 1,000 bytes is less than 65,536"),
        (["--corpus", NEWS, "--workers", 0], "--workers 0 is less than 1"),
        (["--corpus", NEWS, "--runner", "SparkRunner"], "--runner SparkRunner: nothing is known here"),
        (["--corpus", NEWS, "--worker", 2], "did you mean --workers?"),
        (["--corpus", NEWS, "--vocab", "none.txt"], "--vocab none.txt: No such file"),
    ],
)
def test_a_mistake_is_two_lines_and_exit_code_2(plan, arguments, message):
    code, out, err = plan(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 2
