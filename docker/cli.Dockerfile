# Both commands, on any machine: albert-data (with Google Cloud, reports) and albert-train (on processors, with the HTTP service).
#
#   docker build --file docker/cli.Dockerfile --tag albert-zh/cli:0.1.0 .
#   docker run --volume "$PWD:/work" albert-zh/cli:0.1.0 albert-data build --corpus 'wiki_zh/*/wiki_*' --vocab vocab.txt --output shards

FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
ENV TF_CPP_MIN_LOG_LEVEL=3 TOKENIZERS_PARALLELISM=false

WORKDIR /opt/albert-zh
COPY constraints.txt pyproject.toml README.md LICENSE ./
RUN mkdir albert_core cli corpora pipelines \
    && pip install --constraint constraints.txt '.[data,gcp,report,train,serve]' \
    && pip uninstall --yes albert-zh-toolkit
COPY albert_core albert_core
COPY cli cli
COPY corpora corpora
COPY pipelines pipelines
RUN pip install --no-deps . && pip check

WORKDIR /work
CMD ["albert-data", "--help"]
