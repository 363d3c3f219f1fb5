"""ALBERT on TensorFlow: shards in, trained model out. Needs neither Beam nor jieba.

model = albert_core.load_model(PATH)
predictor = albert_core.Predictor.load(PATH)
keras_model = albert_core.load_keras(PATH)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from albert_core.keras_model import load_keras
    from albert_core.model_source import load_model
    from albert_core.prediction import Predictor
    from albert_core.sentence_list import SentenceList
    from albert_core.task_model import TaskModel

__all__ = ["Predictor", "SentenceList", "TaskModel", "load_keras", "load_model"]

# Loaded when first asked for (PEP 562): the pipeline needs albert_core.shards on every worker, and not TensorFlow with it.
_HOMES = {
    "load_keras": "albert_core.keras_model",
    "load_model": "albert_core.model_source",
    "Predictor": "albert_core.prediction",
    "SentenceList": "albert_core.sentence_list",
    "TaskModel": "albert_core.task_model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
