"""`albert-data report`: the statistics of a dataset, or of cleaned documents, as one HTML page with pictures.

The page needs nothing beside it: no script, no network, no font. The same folder gives the same bytes.
"""

from collections.abc import Iterator
from typing import Any

from albert_core.pages.page import Page, Words, count, percent, ratio, render, size
from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.errors import BuildError
from pipelines.manifest import documents_account
from pipelines.output_folder import DOCUMENTS, LOCK, REPORT
from pipelines.report.instances import shown_instances
from pipelines.report.sections import dataset_sections, documents_sections
from pipelines.report.statistics import Manifest
from pipelines.report.words import WORDS, Language

HTML_LANGUAGES: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}
DIGEST_CHARACTERS = 12


def write_report(path: str, *, language: Language = "en", output: str | None = None) -> str:
    """Writes the report of the folder `path` and returns the file's name: `output`, or report.html in the folder.

    Raises:
      BuildError: the folder holds neither a dataset nor documents, or the page cannot be written.
    """
    content = make_report(path, language).encode()
    target = output or storage.join(path, REPORT)
    folder, _, name = target.rpartition("/")
    if not name or ("://" not in target and storage.exists(target) and not storage.is_file(target)):
        raise BuildError(f"--output {target} is a folder\ngive the name of a file: --output {storage.join(target, REPORT)}")
    try:
        storage.write(folder or ".", name, content)
        if not storage.exists(storage.join(folder or ".", LOCK)):  # a build that is running has its own files there
            storage.remove_temporary(folder or ".")
    except OSError as error:
        raise BuildError(f"{target} cannot be written: {error}\nchoose another place: --output FILE.html") from error
    return target


def make_report(path: str, language: Language = "en") -> str:
    """The report as HTML.

    Raises:
      BuildError: the folder holds neither a dataset nor documents, or what it holds is damaged.
    """
    manifest = read_manifest(path)
    words = WORDS[language]
    name = path.rstrip("/").rpartition("/")[2] or path
    has_shards = "shards" in manifest
    try:
        page = Page(
            language=HTML_LANGUAGES[language],
            title=words["title" if has_shards else "title_documents"],
            subtitle=name,
            words=words,
            headline=list(dataset_headline(manifest, words) if has_shards else documents_headline(manifest, words)),
            warnings=list(warnings(manifest, words)),
            sections=list(dataset_sections(manifest, language) if has_shards else documents_sections(manifest, language)),
            instances=list(shown_instances(path, language)) if has_shards else [],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"the {MANIFEST} of {path} lacks what a build writes: {error!r}\nbuild it again with this version") from error
    return render(page)


def read_manifest(path: str) -> dict[str, Any]:
    """The manifest of a dataset; else of the documents in a folder.

    Raises:
      BuildError: there is none, or it is not one.
    """
    for folder in (path, storage.join(path, DOCUMENTS)):
        file = storage.join(folder, MANIFEST)
        if not storage.exists(file):
            continue
        try:
            manifest = storage.read_json(file)
        except ValueError as error:
            raise BuildError(f"{file} is not JSON: {error}\nbuild it again, or copy the file anew") from error
        if isinstance(manifest, dict) and "account" in manifest and ("shards" in manifest or "parts" in manifest):
            return manifest
        raise BuildError(f"{file} is not the manifest of a dataset or of documents of this toolkit\ngive the --output folder of a build")
    raise BuildError(
        f"{path} holds no {MANIFEST}, so it is no finished dataset\ngive the --output folder of albert-data build, or of clean"
    )


def warnings(manifest: Manifest, words: Words) -> Iterator[str]:
    """What a person should know before all else."""
    yield from manifest.get("warnings", ())
    if removed := manifest.get("removed"):
        yield words["removed_note"].format(documents=count(removed["documents"]), instances=count(removed["instances"]))
    if damaged := manifest["account"].get("files.damaged", 0):
        yield words["damaged_note"].format(count=count(damaged))


def dataset_headline(manifest: Manifest, words: Words) -> Iterator[tuple[str, str, str]]:
    """Name, figure and explanation of what one wants to know at a glance."""
    shards, values, parameters = manifest["shards"], manifest["statistics"], manifest["parameters"]
    held_out = sum(shard["instances"] for shard in shards if shard["name"].startswith("eval-"))
    yield words["instances"], count(manifest["instances"]), words["held_out_note"].format(count=count(held_out))
    yield documents_kept(manifest, words)
    average = ratio(values["tokens"], sum(values["lengths"].values()))
    yield words["tokens"], count(values["tokens"]), words["tokens_note"].format(count=f"{average:,.1f}")
    num_bytes = size(sum(shard["bytes"] for shard in shards))
    yield words["shards"], count(len(shards)), words["kind_note"].format(kind=manifest["kind"], size=num_bytes)
    asked = percent(parameters["masked_lm_prob"])
    yield words["masked"], percent(values["masked_share"]), words["masked_note"].format(share=asked)
    note = words["padding_note_bins" if any("max_seq_length" in shard for shard in shards) else "padding_note"]
    yield words["padding"], percent(values["padding_share"]), note.format(length=parameters["max_seq_length"])
    yield words["unknown"], percent(values["unknown_share"]), words["unknown_note"]
    yield words["digest"], manifest["digest"][:DIGEST_CHARACTERS], "SHA-256"


def documents_headline(manifest: Manifest, words: Words) -> Iterator[tuple[str, str, str]]:
    """The same of documents without shards."""
    account, parts = manifest["account"], manifest["parts"]
    yield documents_kept(manifest, words)
    kept, read = account.get("characters.kept", 0), account.get("characters.read", 0)
    yield words["characters"], count(kept), words["characters_note"].format(count=count(read), share=percent(ratio(kept, read)))
    yield words["files"], count(manifest["files"]["read"]), words["files_note"].format(count=count(manifest["files"]["damaged"]))
    yield words["written"], size(sum(part["bytes"] for part in parts)), words["written_note"].format(count=count(len(parts)))


def documents_kept(manifest: Manifest, words: Words) -> tuple[str, str, str]:
    """Documents kept, of those read."""
    documents = documents_account(manifest["account"])
    share = percent(ratio(documents["kept"], documents["read"]))
    return words["documents"], count(documents["kept"]), words["kept_of_read"].format(count=count(documents["read"]), share=share)
