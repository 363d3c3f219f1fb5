import subprocess
import sys

import pytest

import albert_core


@pytest.mark.parametrize("module", ["albert_core", "albert_core.shards", "albert_core.config", "albert_core.parameters", "cli.train"])
def test_what_need_not_import_tensorflow_does_not(module):
    """Beam workers read the shard contract and `--help` answers at once: neither waits seconds for TensorFlow."""
    code = f"import sys, {module}; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_gives_what_it_promises():
    assert albert_core.Predictor.__module__ == "albert_core.prediction"
    assert callable(albert_core.load_model)
    with pytest.raises(AttributeError, match="has no attribute 'load_models'"):
        albert_core.load_models  # noqa: B018
