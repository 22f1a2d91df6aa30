# syntax=docker/dockerfile:1
# The service, and the worker, which is the same image with another command:
#   docker build --file docker/service.Dockerfile --tag voice-to-value .
#
# What reads texts is text_minilm, which comes with the code. With --target distilroberta it is two published models,
# which the build fetches from the Hugging Face hub and converts.
# To build on one base for ever, give its digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON} AS dependencies
COPY docker/requirements-service.txt /tmp/
# Wheels alone, each with its hash: nothing is compiled, and nothing can have changed since `make pins`. What Python
# compiles is checked against no timestamps, so that it comes out the same and is never written again.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps \
        --only-binary :all: --require-hashes --requirement /tmp/requirements-service.txt \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

# hadolint ignore=DL3006
FROM ${PYTHON} AS code
COPY service /app/service
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app/service

# hadolint ignore=DL3006
FROM ${PYTHON} AS adoption
ARG PIP_EXTRA_INDEX_URL
COPY docker/requirements-training.txt /tmp/
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps \
        --only-binary :all: --require-hashes --requirement /tmp/requirements-training.txt
WORKDIR /app
COPY service service
COPY training training
RUN /opt/venv/bin/python -m training text adopt

# hadolint ignore=DL3006
FROM ${PYTHON} AS runtime
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Voice to Value" \
      org.opencontainers.image.description="Voice and text emotion analysis that a CRM can run for itself" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-NC-SA-4.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --no-create-home --no-log-init --uid 1000 service && install --directory --owner service --mode 700 /data
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY onnx_models onnx_models
COPY LICENSE docker/NOTICE ./
COPY --from=code /app/service service
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 V2V_HOST=0.0.0.0 V2V_DATA_DIR=/data
USER 1000:1000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('V2V_PORT', '8000') + '/healthz', timeout=5)"]
CMD ["python", "-m", "service"]

FROM runtime AS distilroberta
COPY --from=adoption /app/onnx_models onnx_models
ENV V2V_TEXT_MODELS=text_distilroberta_emotion,text_roberta_sentiment

FROM runtime AS text_minilm
