"""Requests of the commands to an object store, counted at a server on loopback: python -m tests.benchmarks.object_stores VOCAB [gs|s3]."""

import contextlib
import io
import sys

from cli.data import data
from pipelines import storage
from tests.engines.object_stores import amazon_storage, google_storage
from tests.samples import ENCYCLOPEDIA, NEWS

KINDS = ("write", "read", "stat", "list", "delete", "batch")


def main(vocabulary: str, scheme: str = "gs") -> None:
    """Prints the rows of the table."""
    with google_storage() if scheme == "gs" else amazon_storage() as store:
        texts, output = f"{store.bucket}/texts", f"{store.bucket}/out"
        for path in (ENCYCLOPEDIA, NEWS):
            storage.write(texts, path.name, path.read_bytes())
        shape = ["--num-shards", "12", "--max-seq-length", "128", "--dupe-factor", "1"]
        build = ["build", "--corpus", f"{texts}/*", "--vocab", vocabulary, "--output", output, *shape]
        verify = ["verify", output, "--thorough"]
        print(f"| command | in all | {' | '.join(KINDS)} |\n|---|{'---|' * (len(KINDS) + 1)}")
        for name, arguments in {
            "build": build,
            "build, finished before": build,
            "inspect": ["inspect", output],
            "verify --thorough": verify,
            "report": ["report", output],
        }.items():
            with store.counted() as calls, contextlib.redirect_stdout(io.StringIO()):
                data(arguments, standalone_mode=False)
            print(f"| {name} | {sum(calls.values())} | {' | '.join(str(calls[kind]) for kind in KINDS)} |")
        print(f"{len(storage.list_files(f'{output}/**'))} files")


if __name__ == "__main__":
    main(*sys.argv[1:])
