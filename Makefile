# `make demo` and `make test` set everything up by themselves; a second call does so at once.
PYTHON ?= python3
VENV := .venv
EXTRAS := all,testing
BIN := $(VENV)/bin
PYQT6 := .venv-pyqt6

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
unexport PYTHONDONTWRITEBYTECODE # hundreds of processes: each module is compiled once
ifneq ($(wildcard ../shared/data),)
export NAPARI_UNET_DATA ?= $(abspath ../shared/data)
endif

# Drawing needs a screen: a virtual one where xvfb is, the real one elsewhere (macOS, Windows).
XVFB = $(if $(shell command -v xvfb-run),xvfb-run -a)

PARTS := test-review test-others test-docks test-programs lint test-binding
.PHONY: help setup system demo test $(PARTS) test-all test-pyqt6 bench lineage tour-by-keys screenshots docs site clean
help:
	@echo "make demo         the main job on the bundled X-rays: a window, or pictures in demo/"
	@echo "make test         lint and all tests that are not slow"
	@echo "make test-all     lint and all tests"
	@echo "make test-pyqt6   the window's tests with PyQt6; make test does a few of them"
	@echo "make lint         ruff, mypy, import-linter, npe2 validate"
	@echo "make bench        benchmarks/results and docs/benchmarks.md"
	@echo "make lineage      docs/lineage.md: trains every network of the lineage; what is trained is kept"
	@echo "make tour-by-keys the ten stops by keys alone, in a real window: pictures and a log in docs/"
	@echo "make screenshots  the pictures of the README"
	@echo "make docs         the pages of the models, from their cards, and the picture of their protocols"
	@echo "make site         the pages of docs/ as a web site in site/, links checked"
	@echo "make setup        only the environment in $(VENV)"
	@echo "make clean        remove environments and everything that was built"

setup: $(VENV)/.ready

system:
	@sh scripts/system_packages.sh

%/.ready: pyproject.toml setup.cfg constraints.txt | system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	test -x $*/bin/python && $*/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $*
	$*/bin/python -m pip install --quiet $(shell sh scripts/torch_index.sh) -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@

demo: $(VENV)/.ready
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ -z "$$(command -v xvfb-run)" ]; \
	then $(BIN)/napari-unet-lung demo -o demo; \
	else xvfb-run -a $(BIN)/napari-unet-lung demo -o demo --no-window; fi

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari_unet/napari.yaml

# In parts of about the same length, the longest first. Four at once fill two processors: windows and engines
# often wait. Each part has one thread and a screen of its own, so that each window has the keyboard; without
# virtual screens there is one part at a time.
DOCKS := $(addprefix tests/widgets/,correct finetune napari_compat viewing)
PROGRAMS := $(addprefix tests/,cli cluster end_to_end engine packaging)
PYTEST = $(BIN)/python -m pytest -m "not slow"
test: $(VENV)/.ready $(PYQT6)/.ready
	+@$(MAKE) --no-print-directory --keep-going --jobs=$(if $(XVFB),4,1) $(PARTS)

$(PARTS): export OMP_NUM_THREADS := 1
test-review:
	$(XVFB) $(PYTEST) tests/widgets $(addprefix --ignore=,$(DOCKS))

test-others:
	$(XVFB) $(if $(XVFB),-n 200) $(PYTEST) $(addprefix --ignore=,$(PROGRAMS) tests/widgets tests/bindings)

test-docks:
	$(XVFB) $(if $(XVFB),-n 300) $(PYTEST) $(DOCKS)

test-programs:
	$(XVFB) $(if $(XVFB),-n 500) $(PYTEST) $(PROGRAMS)

test-all: lint test-pyqt6
	$(XVFB) $(BIN)/python -m pytest

# PyQt6 alone lies in .venv-pyqt6; all else is taken from the other environment.
PYTEST6 = QT_API=pyqt6 PYTEST_QT_API=pyqt6 $(XVFB) $(if $(XVFB),-n 400) $(PYQT6)/bin/python -m pytest
$(PYQT6)/.ready: $(VENV)/.ready scripts/pyqt6_environment.py
	$(BIN)/python scripts/pyqt6_environment.py $(PYQT6)
	@touch $@

test-binding: $(PYQT6)/.ready
	$(PYTEST6) tests/bindings

test-pyqt6: $(PYQT6)/.ready
	$(PYTEST6) -m "not slow" tests/bindings tests/widgets

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

# Broken off, it goes on where it stopped. QUICK=--quick: small images and a twelfth of the epochs, one seed.
lineage: $(VENV)/.ready
	$(BIN)/python -m benchmarks.lineage $(QUICK)

# The screen of a small laptop: all that a dock shows has to fit.
SMALL = $(if $(XVFB),$(XVFB) -s "-screen 0 1366x768x24")
tour-by-keys: $(VENV)/.ready
	$(SMALL) $(BIN)/python scripts/tour_by_keys.py docs

screenshots: $(VENV)/.ready
	$(SMALL) $(BIN)/python scripts/screenshots.py docs/images

docs: $(VENV)/.ready
	$(BIN)/python scripts/model_pages.py
	$(BIN)/python scripts/draw_protocols.py

site: $(VENV)/.ready
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) .venv-pyqt6 build dist demo site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
