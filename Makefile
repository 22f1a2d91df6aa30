# Each target makes its own .venv where there is none; a stamp in it makes the next run instant.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: run run-distilroberta dashboard adopt test check bench bench-dashboard chaos fuzz images pins audit

# Two published models as they are called once they are adopted: DistilRoBERTa for emotion, RoBERTa for sentiment.
DISTILROBERTA := text_distilroberta_emotion,text_roberta_sentiment

run: .venv/service
	$(BIN)/python -m service

run-distilroberta: .venv/service
	@for model in $$(echo $(DISTILROBERTA) | tr , ' '); do \
	  test -e onnx_models/$$model/SHA256SUMS || exec $(MAKE) adopt; \
	done
	V2V_TEXT_MODELS=$(DISTILROBERTA) $(BIN)/python -m service

# Pages for people; it asks the service that make run starts, or V2V_DASHBOARD_URL.
dashboard: .venv/dashboard
	$(BIN)/python -m service.dashboard

adopt: .venv/training
	$(BIN)/python -m training text adopt

test: .venv/development
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/development
	$(BIN)/python -m tests.bench_audio
	$(BIN)/python -m tests.bench_text

# A call of an hour in a browser.
bench-dashboard: .venv/development
	V2V_HOUR_SECONDS=5 $(BIN)/python -m pytest tests/service/dashboard/test_an_hour.py

chaos: .venv/development
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.crowd

fuzz: .venv/development
	$(BIN)/python -m tests.fuzz_decode

images: .venv/development
	$(BIN)/python -m tests.images

# Files that docker-compose.yml hands to its containers, whose users read them; others get no further than the folder.
secrets:
	mkdir -m 700 $@.new
	cd $@.new && touch assemblyai_api_key callback_secrets metrics_key
	cd $@.new && for name in postgres_password grafana_password; do \
	  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > $$name || exit 1; done
	chmod 644 $@.new/*
	mv $@.new $@

# What the images install: the newest that pyproject.toml allows, each file with its hash. torch is the build for CPUs
# alone: UV_FIND_LINKS names a folder that holds it, or the page of PyTorch's own index that lists it.
PINS = $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
  --only-binary :all: --generate-hashes --no-header --no-annotate pyproject.toml
pins: .venv/development
	$(PINS) --extra otel --extra postgres --extra redis --extra s3 --output-file docker/requirements-service.txt
	$(PINS) --extra dashboard --output-file docker/requirements-dashboard.txt
	$(PINS) --extra training --output-file docker/requirements-training.txt

# Asks the package index which of the pins have known faults; fails, too, where it cannot tell.
audit: .venv/development
	for image in service dashboard training; do sed 's/+cpu//' docker/requirements-$$image.txt | \
	  $(BIN)/uv tool run pip-audit==2.10.1 --strict --disable-pip --require-hashes --requirement /dev/stdin || exit 1; done

# What the service needs and nothing else. The stamps below cover those above them.
.venv/service: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/dashboard: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dashboard]'
	touch .venv/service $@

.venv/training: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[training]'
	touch .venv/service $@

.venv/development: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dev,training]'
	touch .venv/service .venv/dashboard .venv/training $@

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 is needed, and there is no $(PYTHON). Install it (Debian 12: apt install python3.11 python3.11-venv;" >&2; \
	  echo "elsewhere: https://www.python.org/downloads/), or name one that is installed: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  rm -rf .venv; \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3.11-venv" >&2; \
	  exit 1; }
