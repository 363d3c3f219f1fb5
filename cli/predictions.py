"""`albert-train predict`: which question, about which texts; answers as they come."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import import_tensorflow
from cli.progress import Progress
from cli.questions import MaskedQuestion, NearestQuestion, OrderQuestion, Question, SimilarityQuestion, check_texts
from cli.task_predictions import TaskQuestion
from cli.text_lines import Entry, count_lines, group_texts, read_blocks

if TYPE_CHECKING:
    from albert_core.prediction import Predictor

PAIRS = ("order", "similarity")


@click.command()
@click.option("--model", required=True, metavar="PATH", help="Model directory, TF1 checkpoint or Hugging Face folder.")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False), help="Texts from a UTF-8 file, one a line.")
@click.option("--similarity", is_flag=True, help="How alike are two texts? Arguments come in pairs; lines are A, a tab, B.")
@click.option("--nearest", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="The lines of FILE most like each text.")
@click.option("--cache", type=click.Path(dir_okay=False), metavar="FILE.npz", help="Keep the vectors of --nearest there for the next time.")
@click.option(
    "--embed", type=click.Path(dir_okay=False), metavar="FILE", help="Write vectors of length 1: FILE.npy, or FILE.jsonl with the texts."
)
@click.option("--order", is_flag=True, help="Are two segments in order? Arguments come in pairs; lines are A, a tab, B.")
@click.option("--task", metavar="NAME", help="What the labels of a fine-tuned TF1 checkpoint mean, such as lcqmc.")
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Guesses for each [MASK]; labels; neighbours.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def predict(model: str, texts: tuple[str, ...], file: str | None, task: str | None, top_k: int, as_json: bool, **question: Any) -> None:
    """Ask a model: the words behind [MASK], how alike two texts are, the nearest ones of a list, vectors; a fine-tuned one for its task.

    Without TEXT and --file, texts are read from standard input, one a line, and answered as they come: a file may be of any size. Each
    [MASK] is one token: a Han character, or a Latin word.

    \b
    Examples:
      albert-train predict --model tiny '今天天[MASK]很好，我们去公[MASK]。'
      albert-train predict --model same-question '花呗怎么还款' '如何还花呗'
      albert-train predict --model tiny --file questions.txt --json > answers.jsonl
      albert-train predict --model tiny --similarity '花呗怎么还款' '如何还花呗'
      albert-train predict --model tiny --nearest faq.txt --cache faq.npz '花呗怎么还款'
      albert-train predict --model tiny --file questions.txt --embed questions.npy
      albert-train predict --model tiny --order '春天来了。' '花都开了。'
    """
    asked = _one_question(question, task)
    if texts and asked in PAIRS:
        group_texts(texts, 2, f"--{asked}")  # before the model is waited for
    import_tensorflow()
    from albert_core.prediction import Predictor
    from albert_core.task_model import RECORD

    if asked is None and (task is not None or (Path(model) / RECORD).exists()):
        _answer(TaskQuestion(model, task, top_k, as_json), texts, file)
        return
    predictor = Predictor.load(model)
    if asked == "embed":
        _write_vectors(predictor, question["embed"], texts, file)
    elif asked == "nearest":
        _answer(_read_list(predictor, question["nearest"], question["cache"], top_k, as_json), texts, file)
    elif asked in PAIRS:
        _answer((OrderQuestion if asked == "order" else SimilarityQuestion)(predictor, as_json), texts, file)
    else:
        _answer(MaskedQuestion(predictor, top_k, as_json), texts, file)


def _one_question(question: dict[str, Any], task: str | None) -> str | None:
    """Which of the options that exclude each other is given, if it is not --task."""
    given = [name for name in (*PAIRS, "nearest", "embed") if question[name]]
    names = given + ["task"] * (task is not None)
    if len(names) > 1:
        raise click.UsageError(f"--{names[0]} and --{names[1]} exclude each other: give one of them")
    if question["cache"] and not question["nearest"]:
        raise click.UsageError("--cache keeps the vectors of a list: add --nearest FILE")
    return given[0] if given else None


def _answer(question: Question, texts: tuple[str, ...], file: str | None) -> None:
    """Print the answers, a block at a time."""
    with Progress(None if texts else _total(file), "lines", "predict") as progress:
        for entries in [group_texts(texts, question.size, question.asker)] if texts else read_blocks(file, question.size, question.asker):
            shown = "\n".join(question.answer(entries))
            progress.clear()
            click.echo(shown)
            progress.update(entries[-1].line)


def _total(file: str | None) -> int | None:
    """Lines of a file, where somebody sees how many are left."""
    return count_lines(file) if sys.stderr.isatty() else None


def _write_vectors(predictor: "Predictor", path: str, texts: tuple[str, ...], file: str | None) -> None:
    """A row for each text, so that rows and lines are the same; a line without text is refused."""
    from albert_core.vector_files import VectorFile

    count = 0
    blocks: Iterator[list[Entry]] = iter([group_texts(texts, 1, "--embed")]) if texts else read_blocks(file, 1, "--embed", keep_empty=True)
    with Progress(None if texts else _total(file), "lines", "embed") as progress, VectorFile(path) as vectors:
        for entries in blocks:
            check_texts(predictor, entries)
            vectors.add([entry.texts[0] for entry in entries], predictor.embed([entry.texts[0] for entry in entries]))
            count += len(entries)
            progress.update(count)
    click.echo(f"{path}: {count:,} vectors of {predictor.vector_size}")


def _read_list(predictor: "Predictor", path: str, cache: str | None, top_k: int, as_json: bool) -> NearestQuestion:
    """The list in `path` with its vectors: those in `cache` if they are of this model and list, else computed, and kept there."""
    from albert_core.sentence_list import SentenceList, digest_of

    entries = [entry for block in read_blocks(path, 1, "--nearest") for entry in block]
    check_texts(predictor, entries)
    texts = [entry.texts[0] for entry in entries]
    digest = digest_of(predictor, texts) if cache else ""
    found = SentenceList.load(cache, texts, digest) if cache else None
    if found is None:
        with Progress(None, "chunks", "list") as progress:
            found = SentenceList.make(predictor, texts, report=lambda done, total: _report(progress, done, total))
        if cache:
            found.save(cache, digest)
    return NearestQuestion(predictor, found, [entry.line for entry in entries], top_k, as_json)


def _report(progress: Progress, done: int, total: int) -> None:
    progress.total = total
    progress.update(done)
