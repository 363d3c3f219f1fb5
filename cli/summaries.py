"""What a person wants to know after a command, as text."""

import resource
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import east_asian_width

PLAIN_ENCODING = "utf-8"
MAX_CHARACTERS = 8  # of those that became [UNK]


def summarize_dataset(manifest: dict[str, Any], output: str, seconds: float) -> str:
    """A finished dataset: its documents, and what its instances are like."""
    statistics = manifest["statistics"]
    size = sum(shard["bytes"] for shard in manifest["shards"])
    held_out = sum(shard["instances"] for shard in manifest["shards"] if shard["name"].startswith("eval-"))
    ngrams = " / ".join(f"{share:.0%}" for share in statistics["ngrams_drawn"].values())
    lines = [
        *_warnings(manifest),
        *_documents(manifest),
        f"instances   {manifest['instances']:,} ({held_out:,} held out) in {len(manifest['shards'])} {manifest['kind']} shards, "
        f"{size / 1e6:,.1f} MB",
        f"masks       {statistics['masked_share']:.1%} of the tokens, of 1 / 2 / … words {ngrams}",
        f"tokens      {statistics['tokens']:,}, [UNK] {statistics['unknown_share']:.2%}, padding {statistics['padding_share']:.1%}",
        *_unknown(statistics),
        _speed(manifest, seconds),
        f"digest      {manifest['digest']}",
        f"look at it  albert-data inspect {output}",
    ]
    return "\n".join(lines)


def summarize_job(job: dict[str, str], output: str) -> str:
    """A job that goes on by itself."""
    where = ", ".join(job[name] for name in ("runner", "project", "region") if name in job)
    return "\n".join(
        [
            f"submitted   {job['name']} ({where})",
            f"it writes   {output}/manifest.json last of all, or {output}/failure.json; until then the folder is locked",
            f"look at it  albert-data verify {output}",
        ]
    )


def summarize_removal(summary: dict[str, Any], path: str) -> str:
    """What `albert-data remove` did."""
    lines = []
    if summary["documents"]:
        lines = [
            f"removed     {summary['documents']:,} documents: {summary['instances']:,} instances, out of {summary['shards']:,} shards",
            f"text        gone from {', '.join(summary['folders']) or 'nowhere: this folder holds none'}",
        ]
    if summary["before"]:
        lines.append(f"passed over {summary['before']:,} documents that had been removed before")
    if summary["digest"]:
        lines.append(f"digest      {summary['digest']}")
    return "\n".join([*lines, f"look at it  albert-data verify {path}"])


def summarize_documents(manifest: dict[str, Any], output: str, seconds: float) -> str:
    """Documents that were cleaned."""
    size = sum(part["bytes"] for part in manifest["parts"])
    lines = [
        *_documents(manifest),
        f"written     {len(manifest['parts'])} Parquet files in {output}/documents, {size / 1e6:,.1f} MB",
        _speed(manifest, seconds),
        f"look at it  albert-data inspect {output}/documents; albert-data inspect {output}/rejects",
        f"go on       albert-data instances --documents {output} --vocab vocab.txt --output {output}",
    ]
    return "\n".join(lines)


def _documents(manifest: dict[str, Any]) -> Iterator[str]:
    """Documents read, kept and rejected; and by source, if there are several."""
    from pipelines.manifest import documents_account, encodings_account, source_accounts

    account = manifest["account"]
    documents = documents_account(account)
    num_rejected = sum(documents["rejected"].values())
    yield f"documents   {documents['read']:,} read{_not_taken(account)}, {documents['kept']:,} kept, {num_rejected:,} rejected"
    for reason, count in sorted(documents["rejected"].items(), key=lambda item: -item[1]):
        yield f"            {count:>9,}  {reason}"
    if damaged := account.get("files.damaged", 0):
        yield f"damaged     {damaged:,} files or members of archives: what they lost is not counted"
    characters = account.get("characters.kept", 0)
    yield f"characters  {characters:,} kept{_of(characters, account.get('characters.read', 0))}"
    encodings = encodings_account(account)
    if set(encodings) - {PLAIN_ENCODING}:
        counts = ", ".join(f"{name} {encoding['files']:,.0f}" for name, encoding in encodings.items())
        yield f"encodings   {counts}"
    if len(manifest["sources"]) > 1:
        rows = [source_row(source, source_accounts(account).get(source["name"], {})) for source in manifest["sources"]]
        yield from (f"            {line}" for line in columns([("source", "files", "read", "kept", "", "characters kept", ""), *rows]))


def _warnings(manifest: dict[str, Any]) -> Iterator[str]:
    """What the build warned of, further lines below the first."""
    for warning in manifest.get("warnings", ()):
        first, *rest = warning.splitlines()
        yield f"warning     {first}"
        yield from (f"            {line}" for line in rest)


def _unknown(statistics: dict[str, Any]) -> Iterator[str]:
    """What became [UNK] in the documents; and what the instances of each source are like, if there are several."""
    from pipelines.unknown_characters import readable

    if found := statistics.get("unknown_characters"):
        characters = "  ".join(f"{readable(entry['text'])} {entry['share']:.2%}" for entry in found[:MAX_CHARACTERS])
        yield f"unknown     {characters}{'  …' if len(found) > MAX_CHARACTERS else ''}"
    if len(sources := statistics.get("sources", {})) > 1:
        rows = [instances_row(name, source) for name, source in sources.items()]
        header = ("source", "instances", "tokens", "masked", "padding", "[UNK]", "")
        yield from (f"            {line}" for line in columns([header, *rows], right=(1, 2, 3, 4, 5)))


def instances_row(name: str, source: dict[str, Any]) -> tuple[str, ...]:
    """A source's name, its instances, their tokens, masks and padding, and what became [UNK] in its documents."""
    from pipelines.unknown_characters import readable

    characters = " ".join(readable(entry["text"]) for entry in source["unknown_characters"][:MAX_CHARACTERS])
    shares = (f"{source['masked_share']:.1%}", f"{source['padding_share']:.1%}", f"{source['document_unknown_share']:.2%}")
    return name, f"{source['instances']:,}", f"{source['tokens']:,}", *shares, characters


def _not_taken(account: dict[str, int]) -> str:
    """How many records a sample or a limit left out, in brackets."""
    from pipelines.accounts import BEYOND_LIMIT, LEFT_OUT

    counts = {"not in the sample": account.get(LEFT_OUT, 0), "beyond the limit": account.get(BEYOND_LIMIT, 0)}
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f" ({said})" if said else ""


def source_row(source: dict[str, Any], account: dict[str, int]) -> tuple[str, ...]:
    """A source's name, files, documents read and kept, characters kept, with shares."""
    from pipelines.manifest import documents_account

    documents = documents_account(account)
    read, kept, characters = documents["read"], documents["kept"], account.get("characters.kept", 0)
    shares = (_share(kept, read), _share(characters, account.get("characters.read", 0)))
    return source["name"], f"{account.get('files.read', 0):,}", f"{read:,}", f"{kept:,}", shares[0], f"{characters:,}", shares[1]


def format_catalogue(entries: Sequence[dict[str, Any]]) -> str:
    """The catalogue as a page to read: formats, then public corpora with what their authors published about them."""
    formats = [entry for entry in entries if "licence" not in entry]
    corpora = [entry for entry in entries if "licence" in entry]
    lines = ["Formats. A corpus is [FORMAT=]GLOB; those marked * are read in parts by many workers when they are not compressed.", ""]
    rows = [
        (f"{entry['name']}{'*' if entry['splittable'] else ''}", entry["description"], f"--corpus '{entry['corpus']}'") for entry in formats
    ]
    lines += [f"  {line}" for line in columns(rows, left=3)]
    lines += ["", "Public corpora, known by name. Size and licence as their authors published them: read the licence before you train.", ""]
    for entry in corpora:
        lines += [f"  {entry['name']}  {entry['description']}"]
        facts = (
            ("size", entry["size"]),
            ("licence", entry["licence"]),
            ("record", entry["record"]),
            ("use", f"--corpus '{entry['corpus']}'"),
        )
        lines += [f"      {name:<8} {fact}" for name, fact in facts if fact]
        lines += [] if entry["checked"] else ["      (not all of this was checked against its authors' page)"]
    return "\n".join(lines)


def columns(rows: Sequence[Sequence[str]], left: int = 1, right: Sequence[int] | None = None) -> Iterator[str]:
    """Rows in columns, the first `left` to the left, the others (or those named) to the right; a Han character takes two places."""
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        padding = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        to_right = range(left, len(row)) if right is None else right
        cells = [blank + cell if i in to_right else cell + blank for i, (cell, blank) in enumerate(zip(row, padding, strict=True))]
        yield "  ".join(cells).rstrip()


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _of(part: int, whole: int) -> str:
    return f", {part / whole:.1%} of {whole:,}" if whole else ""


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _speed(manifest: dict[str, Any], seconds: float) -> str:
    read = manifest["account"].get("bytes.read", 0) / 1e6
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    return f"text        {read:,.1f} MB read in {seconds:,.0f} s ({read / max(seconds, 1e-3):,.2f} MB/s), peak memory {peak:,.0f} MB"
