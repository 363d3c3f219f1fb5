"""The dataset card: what a dataset was made of, for people; the manifest says the same to machines."""

from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.accounts import BEYOND_LIMIT, LEFT_OUT, Account
from pipelines.manifest import documents_account, encodings_account, source_accounts
from pipelines.unknown_characters import readable

MAX_CHARACTERS = 8  # of those that became [UNK]


def dataset_card(manifest: dict[str, Any]) -> str:
    """The card of a finished dataset, in Markdown."""
    parameters = manifest["parameters"]
    lines = [
        "# Dataset",
        "",
        f"{manifest['instances']:,} {manifest['kind']} instances of at most {parameters['max_seq_length']} tokens, in "
        f"{len(manifest['shards'])} shards. Digest `{manifest['digest']}`, data schema {manifest['schema_version']}.",
        "",
        "Made by `albert-data build`; `manifest.json` has every parameter, count and digest.",
        "",
        *describe_warnings(manifest),
        *describe_documents(manifest),
        "",
        *describe_instances(manifest["statistics"]),
    ]
    return "\n".join(lines) + "\n"


def describe_warnings(manifest: dict[str, Any]) -> Iterator[str]:
    """What the build warned of."""
    for warning in manifest.get("warnings", ()):
        first, *rest = warning.splitlines()
        yield f"**Warning**: {first}"
        yield from rest
        yield ""


def describe_instances(statistics: dict[str, Any]) -> Iterator[str]:
    """Lines on the instances of each source, and on the characters that the vocabulary lacks."""
    yield "## Instances"
    yield ""
    header = ("source", "instances", "tokens", "masked", "padding", "order swapped", "[UNK] of the documents")
    yield from table(header, (_instances_row(name, source) for name, source in statistics["sources"].items()))
    if found := statistics["unknown_characters"]:
        characters = ", ".join(f"{readable(entry['text'])} {100 * entry['share']:.2f} %" for entry in found[:MAX_CHARACTERS])
        yield ""
        yield f"Most frequent characters that the vocabulary lacks, of all tokens of the documents: {characters}."


def _instances_row(name: str, source: dict[str, Any]) -> tuple[str, ...]:
    shares = (f"{100 * source[key]:.1f} %" for key in ("masked_share", "padding_share", "swapped_share"))
    return name, f"{source['instances']:,}", f"{source['tokens']:,}", *shares, f"{100 * source['document_unknown_share']:.2f} %"


def describe_documents(manifest: dict[str, Any]) -> Iterator[str]:
    """Lines on the sources, what was kept of each, and why the rest was not."""
    accounts = source_accounts(manifest["account"])
    yield "## Sources"
    yield ""
    rows = (_source_row(source, accounts.get(source["name"], {})) for source in manifest["sources"])
    header = ("source", "licence", "files", "documents read", "kept", "characters kept", "weight", "encodings")
    yield from table(header, rows)
    yield ""
    if notes := list(describe_missing(manifest["account"])):
        yield from (f"- {note}" for note in notes)
        yield ""
    yield "## Documents that were not kept"
    yield ""
    counts = documents_account(manifest["account"])["rejected"]
    yield from table(("reason", "documents"), ((name, f"{count:,}") for name, count in sorted(counts.items(), key=lambda item: -item[1])))


def describe_missing(account: Account) -> Iterator[str]:
    """What of the corpus is not among the documents read."""
    if damaged := account.get("files.damaged", 0):
        yield f"{damaged:,} files or members of archives were damaged: what they lost is not counted."
    if left_out := account.get(LEFT_OUT, 0):
        yield f"{left_out:,} records are not in the sample."
    if beyond := account.get(BEYOND_LIMIT, 0):
        yield f"{beyond:,} records are beyond the limit, or the cap of their source."


def _source_row(source: dict[str, Any], account: Account) -> tuple[str, ...]:
    documents = documents_account(account)
    read, kept = documents["read"], documents["kept"]
    characters, characters_read = account.get("characters.kept", 0), account.get("characters.read", 0)
    return (
        source["name"],
        source["licence"] or "not stated",
        f"{account.get('files.read', 0):,}",
        f"{read:,}",
        f"{kept:,} ({share(kept, read)})",
        f"{characters:,} ({share(characters, characters_read)})",
        f"{source['weight']:g}",
        ", ".join(f"{name} {encoding['files']:,}" for name, encoding in encodings_account(account).items()),
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
