"""The parts of the report on a dataset's documents and making: its manifest → sections of text and tables."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from albert_core.pages.page import Bar, Cell, Section, Table, Term, Words, count, long_table, percent, ratio
from pipelines.accounts import BEYOND_LIMIT, LEFT_OUT
from pipelines.manifest import documents_account, encodings_account, source_accounts
from pipelines.report.statistics import Manifest, lengths_section, masks_section, shards_section, unknown_sections
from pipelines.report.words import REASONS, WORDS, Language

MOST_LISTED = 6
"""Entries of a long option."""


def dataset_sections(manifest: Manifest, language: Language) -> Iterator[Section]:
    """The sections of a dataset with shards."""
    words = WORDS[language]
    yield documents_section(manifest, language)
    yield sources_section(manifest, words)
    yield lengths_section(manifest, words)
    yield masks_section(manifest, words)
    yield from unknown_sections(manifest, words)
    yield shards_section(manifest, words)
    yield files_section(manifest, words)
    yield from rules_sections(manifest, words)
    yield making_section(manifest, words)


def documents_sections(manifest: Manifest, language: Language) -> Iterator[Section]:
    """The sections of documents that have no shards yet."""
    words = WORDS[language]
    yield documents_section(manifest, language)
    yield sources_section(manifest, words)
    yield files_section(manifest, words)
    yield from rules_sections(manifest, words)
    yield making_section(manifest, words)


def documents_section(manifest: Manifest, language: Language) -> Section:
    """Kept and rejected documents by reason, of all and of each source."""
    words, meanings = WORDS[language], REASONS[language]
    total = documents_account(manifest["account"])
    of_sources = {name: documents_account(account) for name, account in source_accounts(manifest["account"]).items()}
    several = of_sources if len(of_sources) > 1 else {}
    reasons = sorted(total["rejected"], key=lambda name: (-total["rejected"][name], name))
    most = max(total["rejected"].values(), default=1)
    kept = [count(documents["kept"]) for documents in several.values()]
    rows: list[list[Cell]] = [[words["kept"], count(total["kept"]), percent(ratio(total["kept"], total["read"])), *kept]]
    for name in reasons:
        number = total["rejected"][name]
        of_each = [count(documents["rejected"].get(name, 0)) for documents in several.values()]
        rows.append(
            [Term(name, meanings.get(name, "")), Bar(count(number), number / most), percent(ratio(number, total["read"])), *of_each]
        )
    read = [count(documents["read"]) for documents in several.values()]
    rows.append([words["read"], count(total["read"]), percent(1) if total["read"] else percent(0), *read])
    counts = {
        "left_out_note": manifest["account"].get(LEFT_OUT, 0),
        "beyond_note": manifest["account"].get(BEYOND_LIMIT, 0),
        "without_instances_text": manifest["documents"].get("without_instances", 0),
    }
    notes = " ".join(words[note].format(count=count(number)) for note, number in counts.items() if number)
    columns = [words["outcome"], words["documents"], words["share_of_read"], *several]
    return Section(
        name="documents",
        heading=words["documents_heading"],
        paragraphs=[words["documents_text"], *([notes] if notes else [])],
        tables=[Table(caption=words["rejects_table"], columns=columns, rows=rows)],
    )


def sources_section(manifest: Manifest, words: Words) -> Section:
    """The sources: their documents, and their instances where the statistics have them by source."""
    accounts = source_accounts(manifest["account"])
    rows: list[list[Cell]] = []
    for source in manifest["sources"]:
        account = accounts.get(source["name"], {})
        documents = documents_account(account)
        kept, characters = ratio(documents["kept"], documents["read"]), account.get("characters.kept", 0)
        of_read = ratio(characters, account.get("characters.read", 0))
        rows.append(
            [
                source["name"],
                source["licence"] or words["not_stated"],
                f"{source['weight']:g}",
                str(source["priority"]),
                words["none"] if source["cap"] is None else count(source["cap"]),
                count(account.get("files.read", 0)),
                count(documents["read"]),
                Bar(f"{count(documents['kept'])} ({percent(kept)})", kept),
                Bar(f"{count(characters)} ({percent(of_read)})", of_read),
            ]
        )
    names = ("source", "licence", "weight", "priority", "cap", "files_read", "documents_read", "documents_kept", "characters_kept")
    tables = [Table(caption=words["sources_table"], columns=[words[name] for name in names], rows=rows, left=2)]
    if of_sources := manifest.get("statistics", {}).get("sources"):
        tables.append(source_statistics(of_sources, words))
    return Section(name="sources", heading=words["sources_heading"], tables=tables)


def source_statistics(of_sources: Mapping[str, Any], words: Words) -> Table:
    """What the instances of each source are like."""
    tokens = sum(own["tokens"] for own in of_sources.values())
    rows: list[list[Cell]] = [
        [
            name,
            count(own["instances"]),
            count(own["tokens"]),
            Bar(percent(ratio(own["tokens"], tokens)), ratio(own["tokens"], tokens)),
            percent(own["padding_share"]),
            percent(own["unknown_share"]),
            percent(own["masked_share"]),
            count(own["without_predictions"]),
            count(own["document_tokens"]),
        ]
        for name, own in of_sources.items()
    ]
    shares = ("padding_share", "unknown_share", "masked_share", "without_predictions", "document_tokens")
    columns = [words[name] for name in ("source", "instances", "tokens", "share_of_tokens", *shares)]
    return Table(caption=words["sources_statistics"], columns=columns, rows=rows)


def files_section(manifest: Manifest, words: Words) -> Section:
    """Encodings, formats and files of the corpus."""
    encodings = encodings_account(manifest["account"])
    most = max((encoding["files"] for encoding in encodings.values()), default=1)
    rows: list[list[Cell]] = [
        [name, Bar(count(encoding["files"]), ratio(encoding["files"], most)), percent(encoding["mean_confidence"])]
        for name, encoding in encodings.items()
    ]
    columns = [words[name] for name in ("encoding", "files_read", "certainty")]
    tables = [Table(caption=words["encodings_table"], columns=columns, rows=rows)]
    if formats := prefixed(manifest["account"], "formats."):
        of_format: list[list[Cell]] = [[name, count(number)] for name, number in formats.items()]
        tables.append(Table(caption=words["formats_table"], columns=[words["format"], words["files_read"]], rows=of_format))
    inputs = [
        [entry["path"].rpartition("/")[2], entry["source"], entry["format"] or "", count(entry["size"])] for entry in manifest["inputs"]
    ]
    tables.append(long_table("inputs_table", words, [words[name] for name in ("file", "source", "format", "bytes")], inputs, left=3))
    if "parts" in manifest:
        parts = [[part["name"], count(part["documents"]), count(part["bytes"])] for part in manifest["parts"]]
        tables.append(long_table("parts_table", words, [words[name] for name in ("name", "documents", "bytes")], parts))
    files = manifest["files"]
    text = words["encodings_text"].format(read=count(files["read"]), damaged=count(files["damaged"]))
    return Section(name="files", heading=words["encodings_heading"], paragraphs=[text], tables=tables)


def rules_sections(manifest: Manifest, words: Words) -> Iterator[Section]:
    """What each cleaning rule changed."""
    changed = prefixed(manifest["account"], "rules.")
    names = sorted({key.rpartition(".")[0] for key in changed})
    if not names:
        return
    most = max(changed.get(f"{name}.characters", 0) for name in names)
    rows: list[list[Cell]] = []
    for name in names:
        documents, characters = (changed.get(f"{name}.{what}", 0) for what in ("documents", "characters"))
        rows.append([name, count(documents), Bar(count(characters), ratio(characters, most))])
    columns = [words[name] for name in ("rule", "documents_changed", "characters_changed")]
    table = Table(caption=words["rules_table"], columns=columns, rows=rows)
    yield Section(name="rules", heading=words["rules_heading"], paragraphs=[words["rules_text"]], tables=[table])


def making_section(manifest: Manifest, words: Words) -> Section:
    """Options, versions and fingerprints."""
    identity = [(words[name], manifest[name]) for name in ("digest", "fingerprint", "documents_fingerprint") if name in manifest]
    if vocabulary := manifest.get("vocabulary"):
        identity.append((words["vocabulary"].format(count=count(vocabulary["size"])), vocabulary["sha256"]))
    tables = [Table(caption=words["identity_table"], columns=[words["what"], "SHA-256"], rows=identity, left=2)]
    if packages := manifest.get("packages"):
        rows = list(packages.items())
        tables.append(Table(caption=words["packages_table"], columns=[words["package"], words["version"]], rows=rows, left=2))
    options = [(name, shorten(value, words)) for name, value in flatten(manifest["parameters"])]
    tables.append(Table(caption=words["parameters_table"], columns=[words["option"], words["value"]], rows=options, left=2, folded=True))
    texts = [words["making_text"].format(schema=manifest["schema_version"])] if "schema_version" in manifest else []
    return Section(name="making", heading=words["making_heading"], paragraphs=texts, tables=tables)


def prefixed(account: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counts of all sources whose key begins so, under the rest of their key."""
    return {key.removeprefix(prefix): number for key, number in account.items() if key.startswith(prefix) and "@" not in key}


def flatten(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Options within options as one list.

    >>> list(flatten({"seed": 1, "clean": {"min_han": 20}}))
    [('seed', 1), ('clean.min_han', 20)]
    """
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def shorten(value: Any, words: Words) -> str:
    """An option as the manifest writes it; of a long list, the first entries."""
    if isinstance(value, list) and len(value) > MOST_LISTED:
        first = json.dumps(value[:MOST_LISTED], ensure_ascii=False).removesuffix("]")
        number = words["entries"].format(count=count(len(value)))
        return f"{first}, …] {number}"
    return json.dumps(value, ensure_ascii=False)
