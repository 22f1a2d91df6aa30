# Each target makes its own .venv where there is none; a stamp in it makes the next run instant.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: run run-distilroberta adopt test check bench chaos

# Two published models as they are called once they are adopted: DistilRoBERTa for emotion, RoBERTa for sentiment.
DISTILROBERTA := text_distilroberta_emotion,text_roberta_sentiment

run: .venv/service
	$(BIN)/python -m service

run-distilroberta: .venv/service
	@for model in $$(echo $(DISTILROBERTA) | tr , ' '); do \
	  test -e onnx_models/$$model/SHA256SUMS || exec $(MAKE) adopt; \
	done
	V2V_TEXT_MODELS=$(DISTILROBERTA) $(BIN)/python -m service

adopt: .venv/training
	$(BIN)/python -m training text adopt

test: .venv/development
	$(BIN)/python -m pytest

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/development
	$(BIN)/python -m tests.bench_audio
	$(BIN)/python -m tests.bench_text

chaos: .venv/development
	$(BIN)/python -m tests.chaos

# What the service needs and nothing else. The stamps below cover those above them.
.venv/service: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/training: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[training]'
	touch .venv/service $@

.venv/development: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dev,training]'
	touch .venv/service .venv/training $@

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Python 3.11 is needed, and there is no $(PYTHON). Install it (Debian 12: apt install python3.11 python3.11-venv;" >&2; \
	  echo "elsewhere: https://www.python.org/downloads/), or name one that is installed: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  rm -rf .venv; \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3.11-venv" >&2; \
	  exit 1; }
