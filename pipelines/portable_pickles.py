"""Functions travel to workers by value, and each carries the path of its source file: as it is named on any machine, not on this one."""

import os
import sys

from apache_beam.internal import cloudpickle_pickler


def portable_path(path: str) -> str:
    """A source file as its package names it, for tracebacks: without the folder in which this machine keeps the package.

    >>> portable_path(os.__file__)
    'os.py'
    """
    folders = sorted((os.path.join(folder, "") for folder in sys.path if folder), key=len, reverse=True)
    for folder in folders:
        if path.startswith(folder):
            return path.removeprefix(folder)
    return os.path.basename(path) if os.path.isabs(path) else path


def hide_paths() -> None:
    """From now on, pickles of this process name no folder of it. Beam keeps the place for such a function, and no option."""
    cloudpickle_pickler.DEFAULT_CONFIG.filepath_interceptor = portable_path
