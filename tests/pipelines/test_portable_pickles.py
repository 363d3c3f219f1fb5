import base64
import bz2
import os

import apache_beam
from apache_beam.internal import cloudpickle_pickler

from pipelines.portable_pickles import hide_paths, portable_path


def test_a_path_is_named_from_the_folder_that_python_searches():
    assert portable_path(apache_beam.__file__) == os.path.join("apache_beam", "__init__.py")
    assert portable_path("/nobody/knows/this.py") == "this.py"
    assert portable_path("<stdin>") == "<stdin>"


def test_a_pickled_function_names_no_folder_of_this_machine(monkeypatch):
    monkeypatch.setattr(cloudpickle_pickler.DEFAULT_CONFIG, "filepath_interceptor", cloudpickle_pickler.get_normalized_path)
    folder, number = os.path.dirname(__file__).encode(), 3
    assert folder in unpacked(cloudpickle_pickler.dumps(lambda: number))
    hide_paths()
    pickled = cloudpickle_pickler.dumps(lambda: number)
    assert folder not in unpacked(pickled)
    assert cloudpickle_pickler.loads(pickled)() == 3


def unpacked(pickled: bytes) -> bytes:
    return bz2.decompress(base64.b64decode(pickled))
