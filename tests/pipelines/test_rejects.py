import json

from pipelines.rejects import reject_rows, to_json_lines
from tests.pipelines.jobs import raw_batch


def test_rejects_repeat_the_beginning_of_the_text():
    batch = reject_rows(raw_batch(["好" * 201, "😀"]), "documents", ["a", "b"], ["why", "also"])
    assert batch.column("excerpt").to_pylist() == ["好" * 200, "😀"]


def test_a_reject_is_one_readable_line():
    (line,) = to_json_lines(reject_rows(raw_batch(["第一行\n第二行"]), "lines", ["empty"], ["nothing"]))
    assert "第一行\\n第二行" in line
    assert json.loads(line) == {
        "source": "text", "origin": "a:0", "stage": "lines", "reason": "empty", "message": "nothing",
        "excerpt": "第一行\n第二行", "is_error": False,
    }  # fmt: skip
