"""The numbers that the original implementations gave (DESIGN.md section 6), and our model with the same weights."""

import numpy as np

from albert_core.model_source import load_model
from tests.shared_data import shared

BRIGHTMART, GOOGLE = "brightmart_postln", "google"


def golden(variant, name="golden"):
    with np.load(shared(f"data/goldens/{variant}/{name}.npz")) as arrays:
        return dict(arrays)


def golden_model(variant, checkpoint="albert_model.ckpt"):
    return load_model(shared(f"data/goldens/{variant}/{checkpoint}.index").with_suffix(""))
