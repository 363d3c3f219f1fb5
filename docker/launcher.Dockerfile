# The launcher of the Dataflow Flex Template: the worker image, with Google's launcher program and what that starts. One image for both, so
# that a job is described by the packages that run it (as in Google's sample flex-templates/pipeline_with_dependencies); as a worker it
# starts as before.
#
#   docker build --file docker/launcher.Dockerfile --build-arg WORKER="$REGISTRY/worker:$TAG" --tag "$REGISTRY/launcher:$TAG" .
#   gcloud dataflow flex-template build "gs://$BUCKET/templates/albert-data-build.json" \
#     --image "$REGISTRY/launcher:$TAG" --sdk-language PYTHON --metadata-file docker/flex_template.json

ARG WORKER
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:latest
FROM ${LAUNCHER} AS launcher
FROM ${WORKER}

COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher

# A file of its own: started by its path, a module of the package would have the package's folder first in its search path.
WORKDIR /template
RUN printf 'from cli.flex_template import main\n\nmain()\n' > launch.py && python launch.py metadata > flex_template.json
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/launch.py
