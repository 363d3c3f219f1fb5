"""The dataset card: what a dataset was made of, for people; the manifest says the same to machines."""

from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.manifest import source_accounts


def dataset_card(manifest: dict[str, Any]) -> str:
    """The card of a finished dataset, in Markdown."""
    parameters = manifest["parameters"]
    head = [
        "# Dataset",
        "",
        f"{manifest['instances']:,} {manifest['kind']} instances of at most {parameters['max_seq_length']} tokens, in "
        f"{len(manifest['shards'])} shards. Digest `{manifest['digest']}`, data schema {manifest['schema_version']}.",
        "",
        "Made by `albert-data build`; `manifest.json` has every parameter, count and digest.",
        "",
        *describe_documents(manifest),
    ]
    return "\n".join(head) + "\n"


def describe_documents(manifest: dict[str, Any]) -> Iterator[str]:
    """Lines on the sources, what was kept of each, and why the rest was not."""
    accounts = source_accounts(manifest["account"])
    yield "## Sources"
    yield ""
    rows = (_source_row(source, accounts.get(source["name"], {})) for source in manifest["sources"])
    header = ("source", "licence", "files", "documents read", "kept", "characters kept", "weight", "encodings")
    yield from table(header, rows)
    yield ""
    yield "## Documents that were not kept"
    yield ""
    reasons = manifest["account"]
    prefix = "documents.rejected."
    counts = {key.removeprefix(prefix): count for key, count in reasons.items() if key.startswith(prefix) and "@" not in key}
    yield from table(("reason", "documents"), ((name, f"{count:,}") for name, count in sorted(counts.items(), key=lambda item: -item[1])))


def _source_row(source: dict[str, Any], account: dict[str, int]) -> tuple[str, ...]:
    read = account.get("documents.read", 0) - account.get("documents.left_out", 0)
    kept = account.get("documents.kept", 0)
    characters, characters_read = account.get("characters.kept", 0), account.get("characters.read", 0)
    encodings = {key.removeprefix("encodings."): count for key, count in account.items() if key.startswith("encodings.")}
    return (
        source["name"],
        source["licence"] or "not stated",
        f"{account.get('files.read', 0):,}",
        f"{read:,}",
        f"{kept:,} ({share(kept, read)})",
        f"{characters:,} ({share(characters, characters_read)})",
        f"{source['weight']:g}",
        ", ".join(f"{name} {count:,}" for name, count in sorted(encodings.items(), key=lambda item: -item[1])),
    )


def share(part: int, whole: int) -> str:
    """A share in per cent, one digit behind the point.

    >>> share(1, 3), share(1, 0)
    ('33.3 %', '–')
    """
    return f"{100 * part / whole:.1f} %" if whole else "–"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A Markdown table."""
    names = list(header)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
