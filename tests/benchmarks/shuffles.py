"""What goes through the shuffles of real jobs: bytes, elements, keys and the largest of them, counted where Beam's local runner groups.

    python -m tests.benchmarks.shuffles [corpus [options of albert-data build]]     the benchmark corpus, reference defaults

The runner encodes every element that it groups, as any engine does; bytes are of keys and values so encoded, before any compression.
"""

import contextlib
import dataclasses
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

from tests.shared_data import ROOT


@dataclasses.dataclass(slots=True)
class Shuffle:
    """What one GroupByKey of a job took in."""

    num_bytes: int = 0
    num_elements: int = 0
    largest_element: int = 0
    keys: Counter[bytes] = dataclasses.field(default_factory=Counter)  # bytes of each

    @property
    def largest_key(self) -> int:
        """Bytes of all that has one key."""
        return max(self.keys.values(), default=0)

    @property
    def skew(self) -> float:
        """The largest key against the mean."""
        return self.largest_key * len(self.keys) / self.num_bytes if self.num_bytes else 0.0


@contextlib.contextmanager
def counted_shuffles() -> Iterator[dict[str, Shuffle]]:
    """The shuffles of the jobs that run in this process meanwhile, by the names of their transforms."""
    from apache_beam.coders.coder_impl import create_InputStream
    from apache_beam.runners.portability.fn_api_runner import execution

    found: dict[str, Shuffle] = {}
    get_buffer = execution.BundleContextManager.get_buffer
    append = execution.GroupingBuffer.append

    def named(manager: Any, buffer_id: bytes, transform_id: str) -> Any:
        buffer = get_buffer(manager, buffer_id, transform_id)
        if isinstance(buffer, execution.GroupingBuffer):
            _, transform = execution.split_buffer_id(buffer_id)
            buffer.counted_as = manager.execution_context.pipeline_components.transforms[transform].unique_name
        return buffer

    def counting(buffer: Any, elements: bytes) -> None:
        shuffle = found.setdefault(getattr(buffer, "counted_as", "?"), Shuffle())
        stream = create_InputStream(elements)
        coder, key_coder = buffer._pre_grouped_coder.get_impl(), buffer._key_coder.get_impl()
        while (before := stream.size()) > 0:
            key, _ = coder.decode_from_stream(stream, True).value
            size = before - stream.size()
            shuffle.num_bytes += size
            shuffle.num_elements += 1
            shuffle.largest_element = max(shuffle.largest_element, size)
            shuffle.keys[key_coder.encode(key)] += size
        append(buffer, elements)

    with (
        mock.patch.object(execution.BundleContextManager, "get_buffer", named),
        mock.patch.object(execution.GroupingBuffer, "append", counting),
    ):
        yield found


def build(arguments: list[str], output: str) -> tuple[dict[str, Any], dict[str, Shuffle]]:
    """The manifest of a build in this process, with the options of the command, and its shuffles."""
    import click

    from cli.corpus_options import cleaning_config
    from cli.data import data
    from cli.instance_options import instances_config
    from pipelines.build import BuildConfig, run_build
    from pipelines.runners import parse_beam_options

    command = data.get_command(click.Context(data), "build")
    assert command is not None, "it is there"
    options = command.make_context("build", [*arguments, "--vocab", str(ROOT / "data/vocab.txt"), "--output", output]).params
    config = BuildConfig(cleaning=cleaning_config(output, options), instances=instances_config(options))
    with counted_shuffles() as shuffles:
        return run_build(config, parse_beam_options([])), shuffles


def main(*arguments: str) -> None:
    """Prints the table."""
    corpus, *options = arguments or (f"wiki2019zh={ROOT / 'data/corpora/bench_wiki2019zh.jsonl.xz'}",)
    with tempfile.TemporaryDirectory() as folder:
        manifest, shuffles = build(["--corpus", corpus, *options], f"{folder}/out")
    print("| shuffle | MB | elements | largest, KB | keys | largest key, MB | against the mean |\n|---|---|---|---|---|---|---|")
    for name, shuffle in shuffles.items():
        cells = f"{name} | {shuffle.num_bytes / 1e6:,.2f} | {shuffle.num_elements:,} | {shuffle.largest_element / 1e3:,.1f}"
        print(f"| {cells} | {len(shuffle.keys):,} | {shuffle.largest_key / 1e6:,.2f} | {shuffle.skew:.2f} |")
    total = sum(shuffle.num_bytes for shuffle in shuffles.values())
    kept = manifest["account"]["bytes.kept"]
    print(f"| all | {total / 1e6:,.2f} | | | | | |\n\n{total / kept:.2f} bytes a byte of clean text ({kept / 1e6:,.1f} MB)")


if __name__ == "__main__":
    main(*sys.argv[1:])
