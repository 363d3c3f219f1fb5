"""`albert-train info --catalogue`: the published models and tasks, as a table or as JSON."""

import json
from collections.abc import Iterator

import click

from albert_core.catalogue import list_models, list_tasks

UNKNOWN = "–"


def show_catalogue(as_json: bool) -> None:
    """Print models, with where they are and what imports them, then tasks."""
    if as_json:
        click.echo(json.dumps({"models": list_models(), "tasks": list_tasks()}, ensure_ascii=False))
        return
    for line in _lines():
        click.echo(line)


def _lines() -> Iterator[str]:
    models = list_models()
    width = max(len(model["name"]) for model in models) + 2
    yield f"{'model':<{width}}{'size':<16}{'file':>9}   {'licence':<12}checksum"
    for model in models:
        file = f"{model['megabytes']:g} MB" if model["megabytes"] else UNKNOWN
        yield f"{model['name']:<{width}}{model['size']:<16}{file:>9}   {model['licence'] or UNKNOWN:<12}{model['sha256'] or UNKNOWN}"
        yield f"  {model['download']}{'   ' + model['note'] if model['note'] else ''}"
        yield f"  {model['import_line']}"
    yield ""
    yield f"{UNKNOWN}: its page does not say. Unpack a file, then import the folder; the other commands read it as it is too."
    yield ""
    tasks = list_tasks()
    yield f"{'task':<14}{'kind':<10}{'measured by':<14}{'about':<52}published"
    for task in tasks:
        yield f"{task['name']:<14}{task['kind']:<10}{task['metric']:<14}{task['about']:<52}{task['published']}"
    yield ""
    yield f"train on one: {tasks[0]['command']}"
