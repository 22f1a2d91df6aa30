# syntax=docker/dockerfile:1
# The pages for people, which ask the service and need nothing else:
#   docker build --file docker/dashboard.Dockerfile --tag voice-to-value-dashboard .
ARG PYTHON=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON} AS dependencies
COPY docker/requirements-dashboard.txt /tmp/
RUN python3 -m venv --without-pip /opt/venv \
    && python3 -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps \
        --only-binary :all: --require-hashes --requirement /tmp/requirements-dashboard.txt \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

# hadolint ignore=DL3006
FROM ${PYTHON} AS code
COPY service /app/service
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app/service

# hadolint ignore=DL3006
FROM ${PYTHON}
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Voice to Value: dashboard" \
      org.opencontainers.image.description="Shows calls that Voice to Value has analysed" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --no-create-home --no-log-init --uid 1000 dashboard
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY LICENSE docker/NOTICE ./
COPY tests/data/sample_call.wav tests/data/
COPY --from=code /app/service service
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    V2V_DASHBOARD_HOST=0.0.0.0 V2V_DASHBOARD_URL=http://service:8000
USER 1000:1000
EXPOSE 8501
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('V2V_DASHBOARD_PORT', '8501') + '/_stcore/health', timeout=5)"]
CMD ["python", "-m", "service.dashboard"]
