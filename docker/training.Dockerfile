# syntax=docker/dockerfile:1
# What makes the models, on CPUs of the x86-64 kind:
#   docker build --file docker/training.Dockerfile --build-arg PIP_EXTRA_INDEX_URL=... --tag voice-to-value-training .
#   docker run --rm --volume "$PWD/data:/app/data" voice-to-value-training download ravdess
#
# The usual package index has PyTorch with gigabytes of CUDA. Pinned is the build for CPUs alone, which its publisher's
# own index has: that is what PIP_EXTRA_INDEX_URL is for.
ARG PYTHON=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON} AS dependencies
ARG PIP_EXTRA_INDEX_URL
COPY docker/requirements-training.txt /tmp/
# One file of torch is written for a later Python.
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps \
        --only-binary :all: --require-hashes --requirement /tmp/requirements-training.txt \
    && python3 -m compileall -q -x py312_ --invalidation-mode unchecked-hash /opt/venv/lib

# hadolint ignore=DL3006
FROM ${PYTHON}
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Voice to Value: training" \
      org.opencontainers.image.description="Makes and measures the models of Voice to Value" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --no-create-home --no-log-init --uid 1000 training \
    && install --directory --owner training /app/data /app/onnx_models /app/runs
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY service service
COPY training training
COPY LICENSE docker/NOTICE ./
# Numba and Matplotlib keep what they have worked out, and only /tmp can be written to where the root file system cannot.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib HF_HOME=/tmp/huggingface
USER 1000:1000
HEALTHCHECK NONE
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]
