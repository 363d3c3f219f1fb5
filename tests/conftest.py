"""Settings of every test."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from hypothesis import settings

settings.register_profile("project", deadline=None)  # the first example compiles kernels; machines are shared
settings.load_profile("project")
