"""Every threshold of the cleaning by name, whichever rule it belongs to: set, and printed so that it can be set again."""

import ast
import dataclasses
import inspect
import json
from collections.abc import Mapping
from typing import Any

import yaml

from pipelines.near_duplicates import NearDuplicatesConfig
from pipelines.recipe import CleanConfig
from pipelines.repeated_lines import RepeatedLinesConfig
from pipelines.settings import parse_settings

CONFIGS: dict[str, type] = {"clean": CleanConfig, "repeated_lines": RepeatedLinesConfig, "near_duplicates": NearDuplicatesConfig}


def rule_configs(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The configurations by name, as `CleaningConfig` takes them.

    Raises:
      BuildError: an unknown name, or a value that means nothing.
    """
    left = {str(key): value for key, value in settings.items()}  # YAML makes numbers of some
    configs = {}
    for name, config in reversed(CONFIGS.items()):  # the first has the last word on what is unknown: it knows most names
        own = {field.name for field in dataclasses.fields(config)}
        mine = {key: left.pop(key) for key in list(left) if key.strip().replace("-", "_") in own}
        if name == "clean":
            mine |= left
        configs[name] = config(**parse_settings(config, mine))
    return configs


def print_rules(configs: Mapping[str, Any], *, as_json: bool = False) -> str:
    """All thresholds with what they mean, as YAML that `--rules` takes, or as one JSON object."""
    values = {field.name: getattr(config, field.name) for config in configs.values() for field in dataclasses.fields(config)}
    if as_json:
        return json.dumps(values, ensure_ascii=False)
    blocks = []
    for name in CONFIGS:
        docs = field_docs(type(configs[name]))
        blocks.append(f"# --- {name} ---")
        for field in dataclasses.fields(configs[name]):
            value = values[field.name]
            shown = yaml.safe_dump(
                list(value) if isinstance(value, tuple) else value, allow_unicode=True, default_flow_style=True, width=10**6
            )
            blocks.append(f"# {docs.get(field.name, '')}\n{field.name}: {shown.removesuffix('...' + chr(10)).strip()}")
    return "\n".join(blocks)


def field_docs(config: type) -> dict[str, str]:
    """What each field of a dataclass means: its metadata, or the first sentence of the string below it."""
    docs = {field.name: field.metadata["doc"] for field in dataclasses.fields(config) if "doc" in field.metadata}
    body = ast.parse(inspect.getsource(config)).body[0]
    assert isinstance(body, ast.ClassDef), "a class was asked for"
    for statement, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and _is_text(below):
            text = below.value.value  # type: ignore[attr-defined]
            docs.setdefault(statement.target.id, " ".join(text.split()))
    return docs


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
