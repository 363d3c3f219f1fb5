# A worker of a Beam job: on Dataflow (--sdk_container_image), or beside Flink as a pool of workers (docker/README.md).
#
#   docker build --file docker/worker.Dockerfile --build-arg ENVIRONMENT="$(python -m pipelines.environment)" \
#     --tag "$REGISTRY/worker:$(python -m pipelines.environment --tag)" .

FROM python:3.11-slim

# Only the program that starts workers is Beam's: its own image holds other versions of what decides bytes.
COPY --from=apache/beam_python3.11_sdk:2.77.0 /opt/apache/beam /opt/apache/beam

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ENV TF_CPP_MIN_LOG_LEVEL=3 TOKENIZERS_PARALLELISM=false

# The libraries first, 3 GB in a layer that stays when only our sources change.
WORKDIR /opt/albert-zh
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN mkdir albert_core cli corpora pipelines \
    && pip install --constraint constraints.txt '.[data,gcp]' \
    && pip uninstall --yes albert-zh-toolkit
COPY albert_core albert_core
COPY cli cli
COPY corpora corpora
COPY pipelines pipelines
RUN pip install --no-deps . && pip check

# The label is what the launcher compares with: it must be true.
WORKDIR /
ARG ENVIRONMENT
RUN python -m pipelines.environment --expect "$ENVIRONMENT"
LABEL albert-zh.environment="$ENVIRONMENT"

ENTRYPOINT ["/opt/apache/beam/boot"]
