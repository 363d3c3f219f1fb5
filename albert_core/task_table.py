"""Many tasks with one recipe, and the table of what came out: `finetune --task all`.

OUTPUT/table.md, table.json      a row each task, with the command that reproduces it; written anew after each task
OUTPUT/TASK/                     what `finetune` writes
OUTPUT/TASK-from-scratch/        the same from random weights, on request: the difference is what pretraining gave
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from albert_core.errors import AlbertError
from albert_core.finetuning import Report, finetune
from albert_core.finetuning_recipe import FinetuningConfig
from albert_core.model_source import read_model
from albert_core.task_data import TaskData
from albert_core.tasks import TASKS, Task, find_task

ALL = "all"
PRETRAINED, SCRATCH = "pretrained", "from_scratch"


def choose_tasks(names: str, data: str) -> list[Task]:
    """The tasks of a list such as "afqmc,tnews", or for "all" those that have a folder in `data`.

    Raises:
      AlbertError: a name is unknown, or a folder is missing.
    """
    there = [name for name in TASKS if (Path(data) / name).is_dir()]
    if names == ALL:
        if not there:
            raise AlbertError(
                f"--data {data} has no folder with the name of a task\nmake one for each, such as {data}/afqmc: {', '.join(TASKS)}"
            )
        return [TASKS[name] for name in there]
    tasks = [find_task(name.strip()) for name in names.split(",")]
    for task in tasks:
        if task.name not in there:
            raise AlbertError(f"--data {data} has no folder {task.name}\nwith several tasks, --data holds a folder for each, by its name")
    return tasks


def finetune_table(
    config: FinetuningConfig, tasks: Sequence[Task], *, with_scratch: bool = False, report: Report = lambda run, step, total, values: None
) -> dict[str, Any]:
    """Fine-tune `tasks` one after the other, each in its own folder of `config.data` and of `config.output`.

    All files of all tasks are read before the first is trained, so that a fault in the last is not found after a night.

    Returns:
      what table.json holds: {"finished", "model", "rows": [{"task", "metric", "pretrained": …, "from_scratch": …, "gain"}]}.

    Raises:
      AlbertError: data, model and output do not fit each other, or a value cannot be.
    """
    output = Path(config.output)
    configs = [_config_of(config, task) for task in tasks]
    source = read_model(config.model)
    for each in configs:
        TaskData.read(each, source)
    table: dict[str, Any] = {"finished": False, "model": config.model, "rows": []}
    for each in configs:
        row: dict[str, Any] = {"task": each.task.name, "about": each.task.about, "metric": each.task.metric}
        starts = {PRETRAINED: each}
        if with_scratch:
            starts[SCRATCH] = dataclasses.replace(each, from_scratch=True, output=f"{each.output}-from-scratch")
        for start, one in starts.items():
            result = finetune(one, report=_named(f"{one.task.name}, {start.replace('_', ' ')}, ", report))
            if not result["finished"]:
                return table
            row[start] = _summary(one, result)
        if with_scratch:
            row["gain"] = row[PRETRAINED]["mean"] - row[SCRATCH]["mean"]
        table["rows"].append(row)
        table["finished"] = len(table["rows"]) == len(configs)
        (output / "table.json").write_text(json.dumps(table, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        (output / "table.md").write_text(to_markdown(table), encoding="utf-8")
    return table


def _config_of(config: FinetuningConfig, task: Task) -> FinetuningConfig:
    return dataclasses.replace(config, task=task, data=str(Path(config.data) / task.name), output=str(Path(config.output) / task.name))


def _named(prefix: str, report: Report) -> Report:
    return lambda run, step, total, values: report(prefix + run, step, total, values)


def _summary(config: FinetuningConfig, result: dict[str, Any]) -> dict[str, Any]:
    """The rate with the best mean, and what it took."""
    best = max(result["rates"], key=lambda rate: rate["mean"])
    runs = [run for run in result["runs"] if run["asked_rate"] == best["learning_rate"]]
    return {
        **best,
        "seconds": sum(run["seconds"] for run in result["runs"]),
        "collapsed": sum(bool(run["collapsed"]) for run in runs),
        "command": config.command(),
    }


def to_markdown(table: dict[str, Any]) -> str:
    """The table as people read it, and the commands below."""
    compared = any(SCRATCH in row for row in table["rows"])
    columns = ["task", "metric on dev", "fine-tuned", *(["from random weights", "gain"] if compared else []), "rate", "seeds", "minutes"]
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in table["rows"]:
        one = row[PRETRAINED]
        scratch = [_score(row[SCRATCH]), f"{100 * row['gain']:+.1f}"] if compared else []
        took = sum(row[start]["seconds"] for start in (PRETRAINED, SCRATCH) if start in row) / 60
        cells = [row["task"], row["metric"], _score(one), *scratch, f"{one['learning_rate']:g}", str(one["num_seeds"]), f"{took:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    commands = [row[start]["command"] for row in table["rows"] for start in (PRETRAINED, SCRATCH) if start in row]
    return "\n".join([*lines, "", "Per cent; mean ± standard deviation over the seeds.", "", "```", *commands, "```", ""])


def _score(summary: dict[str, Any]) -> str:
    deviation = "" if summary["deviation"] is None else f" ± {100 * summary['deviation']:.1f}"
    collapsed = f" ({summary['collapsed']} collapsed)" if summary["collapsed"] else ""
    return f"{100 * summary['mean']:.1f}{deviation}{collapsed}"
