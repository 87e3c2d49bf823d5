# Everything a reader or a maintainer does, by one word each. CI calls the same words.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
GAN_PROFILE ?= quick
LESSON ?=

BIN := $(VENV)/bin
# The environment is set up again when pyproject.toml asks for something else.
WANTED := $(shell cksum < pyproject.toml | cut -d' ' -f1)
FOR_BOOK := $(VENV)/.for-book-$(WANTED)
FOR_TEST := $(VENV)/.for-test-$(WANTED)

.PHONY: help book test colab lessons sync bench train pack serve clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-9s %s\n", $$1, $$2}'
	@echo "GAN_PROFILE=smoke, quick or full says how long lessons train (make book GAN_PROFILE=smoke)."

book: $(FOR_BOOK)  ## Run the lessons that changed and build the site
	GAN_PROFILE=$(GAN_PROFILE) $(BIN)/python book/build.py

lessons: $(FOR_BOOK)  ## Run the lessons that changed, build no site
	GAN_PROFILE=$(GAN_PROFILE) $(BIN)/python book/build.py --execute-only

test: $(FOR_TEST)  ## Check style, package, lessons and the built site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

colab:  ## Check update, lessons and their claims on Colab's versions, in .venv-colab
	@test -x .venv-colab/bin/python || $(PYTHON) -m venv .venv-colab
	@echo "Installing Colab's versions into .venv-colab (a few minutes)"
	@.venv-colab/bin/python -m pip install --quiet --upgrade pip
	@.venv-colab/bin/python -m pip install --quiet -c tests/colab.txt -e '.[test]'
	.venv-colab/bin/python -m pytest tests/lessons tests/test_gan.py tests/test_callbacks.py

sync: $(FOR_BOOK)  ## Update the notebooks from their scripts
	$(BIN)/python book/sync.py

bench: $(FOR_TEST)  ## Measure speed and memory
	@for script in benchmarks/bench_*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

# Not the default of the other targets: without GAN_PROFILE, training is the full run.
train: $(FOR_BOOK)  ## Train one lesson in full, record it, pack its generators: make train LESSON=02_dcgan
	@test -n "$(LESSON)" || { echo "Say which lesson: make train LESSON=02_dcgan"; exit 1; }
	GAN_PROFILE=$(if $(filter file,$(origin GAN_PROFILE)),full,$(GAN_PROFILE)) $(BIN)/python book/train.py $(LESSON)

pack: $(FOR_BOOK)  ## Pack the trained generators of a full run that stands in runs/ into weights/
	@test -n "$(LESSON)" || { echo "Say which lesson: make pack LESSON=04_cgan"; exit 1; }
	$(BIN)/python book/pack.py $(LESSON)

serve:  ## Show the built site at http://localhost:8000
	@test -d _build/$(GAN_PROFILE)/html || { echo "There is no site yet: make book"; exit 1; }
	@echo "http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/$(GAN_PROFILE)/html

clean:  ## Remove what was built (not .venv, not runs)
	rm -rf _build

$(FOR_BOOK): | $(BIN)/python
	@test -e $(FOR_TEST) || { echo "Installing what the book needs into $(VENV) (a few minutes)"; \
		$(BIN)/python -m pip install --quiet --upgrade pip && $(BIN)/python -m pip install --quiet -e '.[book]'; }
	@rm -f $(VENV)/.for-book-* && touch $@

$(FOR_TEST): | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) (a few minutes)"
	@$(BIN)/python -m pip install --quiet --upgrade pip && $(BIN)/python -m pip install --quiet -e '.[test]'
	@rm -f $(VENV)/.for-test-* && touch $@

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found: install Python 3.10 or newer, or say where it is: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "The book needs Python 3.10 or newer, and $(PYTHON) is older: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
