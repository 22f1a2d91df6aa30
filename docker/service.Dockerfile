# syntax=docker/dockerfile:1
# The service: docker build --file docker/service.Dockerfile --tag voice-to-value .
#
# TEXT_MODELS says what reads texts: text_minilm, which comes with the code, or distilroberta, for which the build
# fetches two published models from the Hugging Face hub and converts them.
ARG TEXT_MODELS=text_minilm

FROM python:3.11-slim AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/venv
WORKDIR /app
# Of the code, only what the installation reads: other changes do not install everything again.
COPY pyproject.toml README.md LICENSE ./
COPY service/__init__.py service/
RUN /opt/venv/bin/pip install --editable '.[postgres,redis,s3]'

FROM dependencies AS adoption
# The usual package index has PyTorch with gigabytes of CUDA; its publisher's own index has one for the CPU alone, which
# --build-arg PIP_EXTRA_INDEX_URL=... adds.
ARG PIP_EXTRA_INDEX_URL
RUN /opt/venv/bin/pip install --editable '.[training]'
COPY service service
COPY training training
RUN /opt/venv/bin/python -m training text adopt

FROM python:3.11-slim AS text_minilm
RUN useradd --create-home --uid 1000 service && install --directory --owner service /data
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY service service
COPY onnx_models onnx_models
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 V2V_HOST=0.0.0.0 V2V_DATA_DIR=/data
USER 1000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('V2V_PORT', '8000') + '/healthz', timeout=5)"]
CMD ["python", "-m", "service"]

FROM text_minilm AS distilroberta
COPY --from=adoption /app/onnx_models onnx_models
ENV V2V_TEXT_MODELS=text_distilroberta_emotion,text_roberta_sentiment

# hadolint ignore=DL3006
FROM ${TEXT_MODELS}
