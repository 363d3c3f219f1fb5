"""What the two commands share: how a mistake is said, and where the answer goes."""

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import click

EXIT_USER_ERROR = 2
EXTRAS = {"albert-data": "data", "albert-train": "train"}
ROOMS = ("albert_core", "cli", "corpora", "pipelines")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def run(program: str, group: click.Group) -> None:
    """Runs a command line. A mistake of the user's is two lines on standard error and exit code 2, never a traceback."""
    with warnings.catch_warnings():
        warnings.showwarning = functools.partial(_show_warning, program, warnings.showwarning)
        _run(program, group)


def _run(program: str, group: click.Group) -> None:
    try:
        status = group(prog_name=program, standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort as error:
        told = str(error.__cause__ or "")  # by whoever was interrupted
        fail(program, f"interrupted{told and f': {told}'}\nrun the same command again: finished stages and saved checkpoints are used", 130)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        fail(program, f"{error.format_message()}\nsee {context.command_path if context else program} --help", EXIT_USER_ERROR)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing in ROOMS:
            raise
        fail(program, f"{missing} is not installed\ninstall what {program} needs: pip install '.[{EXTRAS[program]}]'", EXIT_USER_ERROR)
    except Exception as error:
        if not is_users_error(error):
            raise
        fail(program, str(error), EXIT_USER_ERROR)


def _show_warning(program: str, otherwise: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any) -> None:
    """A warning of ours as errors are said; those of libraries as Python shows them."""
    if category.__name__ != "BuildWarning":
        otherwise(message, category, *where)
        return
    print(_indented(f"{program}: warning", str(message)), file=sys.stderr)


def import_tensorflow() -> None:
    """Imports tensorflow without the lines that its libraries print on the way, before any log level is heeded."""
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def fail(program: str, message: str, status: int) -> None:
    """Says what is wrong, the fix below it, and leaves."""
    print(_indented(program, message or "failed"), file=sys.stderr)
    sys.exit(status)


def _indented(head: str, message: str) -> str:
    """The message behind its head, further lines below its first."""
    return f"{head}: {message}".replace("\n", f"\n{' ' * (len(head) + 2)}")


def is_users_error(error: BaseException) -> bool:
    """Whether `error` is one of the rooms' own, made to be read. The rooms are asked only if they are loaded: `--help` stays quick."""
    names = (
        "albert_core.errors:AlbertError",
        "corpora.errors:CorpusError",
        "pipelines.errors:BuildError",
        "pipelines.runners:JobFailedError",
    )
    for module, name in (entry.split(":") for entry in names):
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(error, getattr(loaded, name)):
            return True
    return isinstance(error, OSError)
