# albert-train on a TPU VM, with tensorflow-tpu in place of tensorflow; neither Beam nor jieba.
#
#   docker build --file docker/trainer.Dockerfile --tag "$REGISTRY/trainer:0.1.0" .
#   docker run --privileged --network host --volume /dev/shm:/dev/shm "$REGISTRY/trainer:0.1.0" pretrain --data gs://… --output gs://… --tpu local …

FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ENV TF_CPP_MIN_LOG_LEVEL=3

WORKDIR /opt/albert-zh
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN mkdir albert_core cli corpora pipelines \
    && pip install --constraint constraints.txt '.[tpu]' \
    && pip uninstall --yes albert-zh-toolkit
COPY albert_core albert_core
COPY cli cli
COPY corpora corpora
COPY pipelines pipelines
RUN pip install --no-deps . && pip check

WORKDIR /
ENTRYPOINT ["albert-train"]
