# Everything a reader or a maintainer does, by one word each. CI calls the same words.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
GAN_PROFILE ?= quick
LESSON ?=
# Tests run side by side, by default as many as there are cores, at most 4: each takes up to 2 GB.
WORKERS ?= logical
# LOCK=no installs the latest versions in place of those in requirements/, as the weekly check does.
LOCK ?= yes

BIN := $(VENV)/bin
TOOLS := .venv-tools/bin
# The environment is set up again when pyproject.toml or the locked versions ask for something else.
WANTED := $(shell cat pyproject.toml requirements/*.txt | cksum | cut -d' ' -f1)-$(LOCK)
FOR_BOOK := $(VENV)/.for-book-$(WANTED)
FOR_TEST := $(VENV)/.for-test-$(WANTED)

# The Pythons that the book runs on, and requirements/*.txt hold for: those that TensorFlow and the
# theme have wheels for.
SUPPORTED := (3, 11) <= sys.version_info < (3, 14)

# Colab's own version, where there is one.
COLAB_PYTHON = $(or $(shell python3.13 -c 'print("python3.13")' 2> /dev/null),$(PYTHON))

.PHONY: help book test colab lessons sync bench train pack serve clean
.PHONY: single links lock check-lock licenses audit wheel fuzz
.DEFAULT_GOAL := help

help:  ## Show this list
	@awk -F ':.*## ' '/^### / {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "GAN_PROFILE=smoke, quick or full says how long lessons train (make book GAN_PROFILE=smoke)."

### For readers

book: $(FOR_BOOK)  ## Run the lessons that changed and build the site
	@GAN_PROFILE=$(GAN_PROFILE) $(BIN)/python -m tools.book build

serve:  ## Show the built site at http://localhost:8000
	@test -d _build/$(GAN_PROFILE)/html || { echo "There is no site yet: make book"; exit 1; }
	@echo "http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(PYTHON) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/$(GAN_PROFILE)/html

single: $(FOR_BOOK)  ## Print the whole built book as one page and, with a browser, as PDF
	GAN_PROFILE=$(GAN_PROFILE) $(BIN)/python -m tools.book single

### For authors of lessons

lessons: $(FOR_BOOK)  ## Run the lessons that changed, or one: make lessons LESSON=04
	@GAN_PROFILE=$(GAN_PROFILE) $(BIN)/python -m tools.book build --execute-only $(if $(LESSON),--lesson $(LESSON))

sync: $(FOR_BOOK)  ## Update the notebooks from their scripts
	$(BIN)/python -m tools.book sync

# Not the default of the other targets: without GAN_PROFILE, training is the full run.
train: $(FOR_BOOK)  ## Train one lesson in full, record it, pack its generators: make train LESSON=02_dcgan
	@test -n "$(LESSON)" || { echo "Say which lesson: make train LESSON=02_dcgan"; exit 1; }
	GAN_PROFILE=$(if $(filter file,$(origin GAN_PROFILE)),full,$(GAN_PROFILE)) $(BIN)/python -m tools.book train $(LESSON)

pack: $(FOR_BOOK)  ## Pack the trained generators of a full run that stands in runs/ into weights/
	@test -n "$(LESSON)" || { echo "Say which lesson: make pack LESSON=04_cgan"; exit 1; }
	$(BIN)/python -m tools.book pack $(LESSON)

### For maintainers

test: $(FOR_TEST)  ## Check style, package, lessons and the built site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --maxprocesses=4

colab:  ## Check update, lessons and their claims on Colab's versions and with its files package
	@test -x .venv-colab/bin/python || $(COLAB_PYTHON) -m venv .venv-colab
	@echo "Installing Colab's versions into .venv-colab (a few minutes)"
	@.venv-colab/bin/python -m pip install --quiet --upgrade pip
	@.venv-colab/bin/python -m pip install --quiet -c tests/colab.txt -e '.[test]'
	GAN_COLAB=all .venv-colab/bin/python -m pytest \
		tests/lessons tests/test_gan.py tests/test_callbacks.py tests/test_wheel.py

fuzz: $(FOR_TEST)  ## Try bad input by the thousand: make fuzz GAN_FUZZ=10000
	GAN_FUZZ=$(or $(GAN_FUZZ),1000) $(BIN)/python -m pytest \
		tests/test_fuzz*.py --hypothesis-show-statistics

bench: $(FOR_TEST)  ## Measure speed and memory
	@for script in benchmarks/bench_*.py; do echo "$$script"; $(BIN)/python "$$script" || exit 1; done

links: $(FOR_BOOK)  ## Check that the addresses that pages link to still answer (needs the network)
	$(BIN)/python -m tools.links

wheel: $(BIN)/python  ## Pack gan_utils into dist/, as a release does
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/build.txt
	@rm -rf dist
	$(BIN)/python -m hatchling build -t wheel -d dist

# Without annotations and addresses: they change when nothing else does.
COMPILE := $(TOOLS)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(TOOLS)/uv  ## Take the latest versions into requirements/*.txt, with hashes
	$(COMPILE) pyproject.toml requirements/build.in --extra test -o requirements/test.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra book -c requirements/test.txt -o requirements/book.txt
	$(COMPILE) requirements/build.in -c requirements/test.txt -o requirements/build.txt
	$(COMPILE) requirements/tools.in -o requirements/tools.txt
	@$(MAKE) --no-print-directory check-lock
	@echo "Now: make licenses, make audit, make test"

check-lock: $(TOOLS)/uv  ## Ask whether each locked version can be had for each Python and system
	@for python in 3.11 3.12 3.13; do for system in linux aarch64-unknown-linux-gnu macos windows; do \
		echo "Python $$python, $$system"; \
		$(TOOLS)/uv pip install --dry-run --quiet --target _build/lock --python-version $$python \
			--python-platform $$system --only-binary :all: --require-hashes --no-deps \
			-r requirements/test.txt || exit 1; done; done

licenses: $(FOR_TEST) $(TOOLS)/uv  ## List the licenses of all that is locked in requirements/licenses.md
	$(BIN)/python -m tools.licenses $(TOOLS)/pip-licenses

audit: $(TOOLS)/uv  ## Ask whether an advisory speaks against a locked version (needs the network)
	@for part in test tools; do echo "requirements/$$part.txt"; \
		$(TOOLS)/pip-audit --strict --require-hashes --disable-pip \
			-r requirements/$$part.txt || exit 1; done

clean:  ## Remove what was built (not .venv, not runs)
	rm -rf _build dist

# $(call install,EXTRA): the locked versions, then this checkout, with nothing that has no hash.
define install
	@if [ "$(LOCK)" = yes ] && $(BIN)/python -c 'import sys; sys.exit(not $(SUPPORTED))'; then \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements/build.txt \
		&& $(BIN)/python -m pip install --quiet --require-hashes -r requirements/$(1).txt \
		&& $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . \
		|| { echo "The versions in requirements/$(1).txt could not be installed; make LOCK=no takes the latest"; exit 1; }; \
	else \
		echo "Taking the latest versions: requirements/ is for Python 3.11 to 3.13, and LOCK=$(LOCK)"; \
		$(BIN)/python -m pip install --quiet --upgrade pip \
		&& $(BIN)/python -m pip install --quiet --upgrade -e '.[$(1)]'; \
	fi
endef

$(FOR_BOOK): | $(BIN)/python
	@test -e $(FOR_TEST) || echo "Installing what the book needs into $(VENV) (a few minutes)"
	$(if $(wildcard $(FOR_TEST)),,$(call install,book))
	@find $(VENV) -maxdepth 1 -name '.for-*' ! -name '$(notdir $(FOR_TEST))' -delete && touch $@

$(FOR_TEST): | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) (a few minutes)"
	$(call install,test)
	@rm -f $(VENV)/.for-* && touch $@

$(TOOLS)/uv: requirements/tools.txt
	@test -x $(TOOLS)/python || $(PYTHON) -m venv .venv-tools
	@$(TOOLS)/python -m pip install --quiet --require-hashes -r requirements/tools.txt && touch $@

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13, or say where it is: make PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not $(SUPPORTED))' || { echo "The book runs on Python 3.11, 3.12 and 3.13 (TensorFlow has no wheel for newer ones), and this is $$($(PYTHON) --version): make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
