import pytest

from cli.progress import Progress, clock


@pytest.mark.parametrize(("seconds", "shown"), [(7, "0:07"), (750, "12:30"), (11_100, "3:05:00"), (-1, "0:00")])
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_a_line_has_rate_and_time_left():
    progress = Progress(300, "steps", "train")
    assert progress.line(120, 60, "loss 9.1") == "train  120/300 steps  2.0 steps/s  1:30 left  loss 9.1"
    assert Progress(None, "shards", "verify").line(3, 6) == "verify  3 shards  0.5 shards/s"
    assert progress.line(0, 0) == "train  0/300 steps"


def test_a_resumed_job_counts_only_what_it_does_now():
    progress = Progress(300, "steps", "train")
    progress.update(100)
    assert progress.line(120, 10) == "train  120/300 steps  2.0 steps/s  1:30 left"


def test_it_is_quiet_when_piped(capsys):
    with Progress(2, "steps", "train") as progress:
        progress.update(1)
        progress.update(2)
    assert capsys.readouterr().err == ""
