"""What the report says of instances: lengths, masks, [UNK], shards. What a manifest does not have is left out."""

import statistics as averages
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from albert_core.pages.page import Bar, Cell, Figure, Section, Table, Term, Words, count, long_table, percent, ratio, size
from pipelines.report.figures import draw_asked_and_got, draw_lengths, draw_sizes
from pipelines.variants import FOLDED

MOST_UNKNOWN = 15
"""Characters that are seen without opening a list."""
FOLD_RULE, EXTEND = "fold_quotes", "vocab --extend"
SHOWN_ASKED = {"mask": 0.8, "same": 0.1, "random": 0.1}
"""BERT §3.1."""

Manifest = Mapping[str, Any]


def lengths_section(manifest: Manifest, words: Words) -> Section:
    """Instances by length, padding, length bins."""
    values = manifest["statistics"]
    of_sources = {name: own["lengths"] for name, own in values.get("sources", {}).items()}
    drawn = of_sources or {words["all"]: values["lengths"]}
    several = of_sources if len(of_sources) > 1 else {}
    most, total = max(values["lengths"].values(), default=1), sum(values["lengths"].values())
    rows = [
        [bound, Bar(count(number), ratio(number, most)), percent(ratio(number, total)), *(count(own[bound]) for own in several.values())]
        for bound, number in values["lengths"].items()
    ]
    columns = [words["up_to"], words["instances"], words["share"], *several]
    texts = [
        words["lengths_text"].format(length=count(manifest["parameters"]["max_seq_length"]), share=percent(values["padding_share"])),
        words["chunks_text"].format(
            single=count(values["single_sentence_chunks"]), cut=count(values["cut_tokens"]), without=count(values["without_predictions"])
        ),
    ]
    tables = [Table(caption=words["lengths_table"], columns=columns, rows=rows)]
    if bins := shards_by(manifest["shards"], "max_seq_length"):
        rows = [[str(length), *shard_sums(shards)] for length, shards in bins.items()]
        columns = [words[name] for name in ("bin", "shards", "instances", "bytes")]
        tables.append(Table(caption=words["bins_table"], columns=columns, rows=rows))
    legend = list(several)
    return Section(
        name="lengths",
        heading=words["lengths_heading"],
        paragraphs=texts,
        figures=[Figure(svg=draw_lengths(drawn), caption=words["lengths_figure"], legend=legend)],
        tables=tables,
    )


def masks_section(manifest: Manifest, words: Words) -> Section:
    """Every rate that was asked for, and what it became, in all and in each source."""
    values = manifest["statistics"]
    of_sources = values.get("sources", {})
    several = of_sources if len(of_sources) > 1 else {}
    rows: list[list[Cell]] = []
    for label, asked, *path in rates(manifest, words):
        got = [at(own, path) for own in (values, *several.values())]
        rows.append([label, percent(asked), Bar(percent(got[0]), got[0]), *(percent(share) for share in got[1:])])
    asked_and_got = draw_asked_and_got(values["ngrams_asked"], values["ngrams_drawn"])
    return Section(
        name="masks",
        heading=words["masks_heading"],
        paragraphs=[words["masks_text"]],
        figures=[Figure(svg=asked_and_got, caption=words["ngrams_figure"], legend=[words["asked"], words["got"]])],
        tables=[Table(caption=words["rates_table"], columns=[words["rate"], words["asked"], words["got"], *several], rows=rows)],
    )


def rates(manifest: Manifest, words: Words) -> Iterator[tuple[Any, ...]]:
    """Name, share asked for, and the keys under which the statistics have what it became."""
    yield words["rate_masked_share"], manifest["parameters"]["masked_lm_prob"], "masked_share"
    yield words["rate_masked_of_budget"], 1.0, "masked_of_budget"
    for n, asked in manifest["statistics"]["ngrams_asked"].items():
        yield words["rate_ngram_1"] if n == "1" else words["rate_ngram"].format(count=n), asked, "ngrams_drawn", n
    for kind, asked in SHOWN_ASKED.items():
        yield words[f"rate_{kind}"], asked, "masked_tokens_shown_as", kind
    yield words["rate_swapped_share"], 0.5, "swapped_share"


def unknown_sections(manifest: Manifest, words: Words) -> Iterator[Section]:
    """What the vocabulary lacks; nothing of datasets built before the statistics had it."""
    values = manifest["statistics"]
    if "unknown_characters" not in values:
        return
    of_sources = values.get("sources", {})
    characters, tokens = values["unknown_characters"], values["document_tokens"]
    tables = [unknown_table(characters[:MOST_UNKNOWN], tokens, words["unknown_table"], words)] if characters else []
    if rest := characters[MOST_UNKNOWN:]:
        tables.append(unknown_table(rest, tokens, words["unknown_rest"].format(count=len(rest)), words, folded=True))
    if of_sources:
        most = max(own["document_unknown_share"] for own in of_sources.values())
        rows: list[list[Cell]] = [
            [
                name,
                " ".join(entry["text"] for entry in own["unknown_characters"][:8]),
                Bar(percent(own["document_unknown_share"]), ratio(own["document_unknown_share"], most)),
            ]
            for name, own in of_sources.items()
        ]
        columns = [words[name] for name in ("source", "most_frequent", "share_of_document_tokens")]
        tables.insert(0, Table(caption=words["unknown_sources"], columns=columns, rows=rows, left=2))
    if len(of_sources) > 1:
        for name, own in of_sources.items():
            caption = words["unknown_of_source"].format(source=name)
            tables.append(unknown_table(own["unknown_characters"], own["document_tokens"], caption, words, folded=True))
    texts = [words["unknown_text"].format(share=percent(values["document_unknown_share"]), count=count(tokens))]
    yield Section(
        name="unknown",
        heading=words["unknown_heading"],
        paragraphs=[*texts, words["unknown_fix"]] if characters else texts,
        tables=tables,
    )


def unknown_table(entries: Sequence[Mapping[str, Any]], num_tokens: int, caption: str, words: Words, *, folded: bool = False) -> Table:
    """Characters with their code points, how often each became [UNK], and what helps."""
    most = max((entry["count"] for entry in entries), default=1)
    rows: list[list[Cell]] = [
        [
            Term(visible(entry["text"]), code_points(entry["text"])),
            Bar(count(entry["count"]), ratio(entry["count"], most)),
            percent(ratio(entry["count"], num_tokens)),
            FOLD_RULE if entry["text"] in FOLDED else EXTEND,
        ]
        for entry in entries
    ]
    columns = [words[name] for name in ("character", "count", "share_of_document_tokens", "fix")]
    return Table(caption=caption, columns=columns, rows=rows, folded=folded)


def visible(text: str) -> str:
    """The text, with a place holder for each character that a browser does not show or would join to its neighbours.

    >>> visible("“"), visible("\\u200b"), visible("\\u0301")
    ('“', '□', '◌\\u0301')
    """

    def shown(character: str) -> str:
        category = unicodedata.category(character)
        if category[0] == "C" or category in ("Zl", "Zp"):
            return "□"
        return "◌" + character if category[0] == "M" else character

    return "".join(map(shown, text))


def code_points(text: str) -> str:
    """The code point of a character, also within a word (##); what stands for long words has none.

    >>> code_points("“"), code_points("##℃"), code_points("(word …)")
    ('U+201C', 'U+2103', '')
    """
    character = text.removeprefix("##")
    return f"U+{ord(character):04X}" if len(character) == 1 else ""


def shards_section(manifest: Manifest, words: Words) -> Section:
    """Shard sizes: even ones are read in even time."""
    groups = shard_groups(manifest["shards"], words)
    rows: list[list[Cell]] = []
    for name, shards in groups.items():
        sizes = [shard["bytes"] for shard in shards]
        middle = [size(value) for value in (min(sizes), averages.median(sizes), max(sizes))]
        rows.append([name, *shard_sums(shards), *middle])
    columns = [words[name] for name in ("split", "shards", "instances", "bytes", "smallest", "median", "largest")]
    every = [[shard["name"], count(shard["records"]), count(shard["instances"]), count(shard["bytes"])] for shard in manifest["shards"]]
    shard_columns = [words[name] for name in ("name", "records", "instances", "bytes")]
    extremes = [
        (min(sizes), max(sizes)) for sizes in ([shard["bytes"] for shard in shards] for shards in groups.values() if len(shards) > 1)
    ]
    smallest, largest = max(extremes, key=lambda pair: ratio(pair[1], pair[0]), default=(0, 0))
    text = words["shards_text"].format(smallest=size(smallest), largest=size(largest), ratio=f"{ratio(largest, smallest):.2f}")
    megabytes = [[shard["bytes"] / 1e6 for shard in shards] for shards in groups.values()]
    return Section(
        name="shards",
        heading=words["shards_heading"],
        paragraphs=[text] if extremes else [],
        figures=[Figure(svg=draw_sizes(megabytes), caption=words["sizes_figure"], legend=list(groups))],
        tables=[
            Table(caption=words["splits_table"], columns=columns, rows=rows),
            long_table("shards_table", words, shard_columns, every),
        ],
    )


def shard_groups(shards: Sequence[Mapping[str, Any]], words: Words) -> dict[str, list[Mapping[str, Any]]]:
    """Shards that should be of one size, by what they are called: of one use, and of one length bin."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for shard in shards:
        use = words["train" if shard["name"].startswith("train-") else "eval"]
        groups.setdefault(f"{use} ≤ {shard['max_seq_length']}" if "max_seq_length" in shard else use, []).append(shard)
    return groups


def shards_by(shards: Sequence[Mapping[str, Any]], key: str) -> dict[int, list[Mapping[str, Any]]]:
    """The shards by the value of a key, ascending; those without it are left out."""
    found = sorted({shard[key] for shard in shards if key in shard})
    return {value: [shard for shard in shards if shard.get(key) == value] for value in found}


def shard_sums(shards: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Number, instances and bytes of some shards."""
    return [count(len(shards)), *(count(sum(shard[key] for shard in shards)) for key in ("instances", "bytes"))]


def at(values: Any, path: Sequence[str]) -> float:
    """The share that lies under some keys, one below the other; 0 if a source has none."""
    for key in path:
        values = values.get(key, {}) if isinstance(values, Mapping) else {}
    return values if isinstance(values, int | float) else 0.0
