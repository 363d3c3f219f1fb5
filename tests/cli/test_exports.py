import json

from click.testing import CliRunner

from cli.exports import export
from tests.albert_core.test_exporting import save
from tests.albert_core.test_modeling import SMALL


def test_the_table_and_the_report(tmp_path):
    save(tmp_path / "model", SMALL)
    arguments = ["--model", str(tmp_path / "model"), "--format", "tf1"]
    shown = CliRunner().invoke(export, [*arguments, "--output", str(tmp_path / "a")], catch_exceptions=False).output
    assert "tf.compat.v1.train.Saver" in shown
    report = CliRunner().invoke(export, [*arguments, "--output", str(tmp_path / "b"), "--no-verify", "--json"], catch_exceptions=False)
    assert json.loads(report.output)["checks"] == []
    assert "albert-train export --model" in CliRunner().invoke(export, ["--help"]).output
