# make chat    set up once, then serve the chat on http://127.0.0.1:8000
# make test    set up once, then run every test that this machine can run
# make quick   the fast tests only
# make check   formatting, lint, types and import contracts
# make pictures  the pictures and the film of the README, made anew
# make setup   only set up (.venv)

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.PHONY: chat setup test quick check pictures
.DEFAULT_GOAL := chat

chat: setup
	@exec $(BIN)/thimble serve

setup: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Thimble needs Python 3.11 or newer; set PYTHON=python3.12, say.")'
	@echo "Setting up .venv: this takes some minutes, once."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@rm -f .venv/installed-*
	@touch $@

test: setup
	$(PYTEST) -n 2 --dist loadgroup

quick: setup
	$(PYTEST) -n 2 -m "not slow and not browser and not faults"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pictures: setup
	THIMBLE_TEST_PICTURES=$(CURDIR)/public/screenshots $(PYTEST) tests/browser/test_pictures.py
