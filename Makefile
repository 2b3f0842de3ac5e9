# What there is to do in this checkout. `make help` prints the text behind each `##`.

# Debian's Python, not whichever comes first in PATH: BCC's module is only there.
PYTHON := /usr/bin/python3
BIN := .venv/bin
LAB := $(PYTHON) tests/lab/lab.py
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# What kptrace itself uses or is compared with, then what the lab needs.
PACKAGES := ca-certificates python3-venv python3-bpfcc libbpf1 clang bpftool bpftrace \
	qemu-system-x86 busybox-static file kmod dmsetup e2fsprogs xfsprogs iproute2 procps util-linux

# Narrow down the lab's work: make kernel-test KERNEL=6.12 ARGS='-k latency'
KERNEL :=
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup packages demo test check kernel-test matrix lab-shell probe-docs bench

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: packages .venv/stamp ## Install what is missing: Debian packages, and .venv with kptrace in it

# Nothing is downloaded when nothing is missing, so a second run needs no network.
packages:
	@missing=$$(for package in $(PACKAGES); do \
		dpkg-query --show --showformat='$${db:Status-Status}' $$package 2>/dev/null \
			| grep -qx installed || echo $$package; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		$(SUDO) apt-get -qq update; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install --yes --no-install-recommends $$missing >/dev/null; \
	fi

# editable_mode=compat puts a plain path into .venv instead of an import hook, which every start of
# Python would pay for; in an emulated guest that is half a second.
.venv/stamp: setup.cfg pyproject.toml | packages
	$(PYTHON) -m venv --system-site-packages .venv
	$(BIN)/pip install --quiet --disable-pip-version-check \
		--config-settings editable_mode=compat --editable '.[dev]'
	@touch $@

demo: setup ## Show block I/O latencies: on this host, or in a guest if its kernel has no kprobes
	@$(PYTHON) tests/lab/demo.py

test: setup ## Run everything: check, unit and golden tests, kernel tests on the usual kernels
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest
	@$(MAKE) --no-print-directory kernel-test

check: setup ## Lint, format, types, import contracts, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.11 tests/lab/*.py
	$(BIN)/lint-imports
	$(BIN)/codespell

kernel-test: setup ## Run tests/kernel in the lab, on the usual kernels or on KERNEL=6.12; ARGS go to pytest
	$(LAB) test $(if $(KERNEL),--kernel $(KERNEL)) -- $(ARGS)

matrix: setup ## Run tests/kernel in the lab on every kernel of the table
	$(LAB) test --all -- $(ARGS)

lab-shell: setup ## Open a root prompt in a guest: make lab-shell KERNEL=6.12
	@$(LAB) shell --kernel $(or $(KERNEL),6.1)

probe-docs: setup ## Write probes/GROUP/NAME.md from the probes and runs of them; ARGS=NAME for one
	$(BIN)/python tests/docs/generate.py $(ARGS)

# With KERNEL=6.12 in a guest, for what needs kprobes: make bench KERNEL=6.12 ARGS='--only kprobes'
bench: setup ## Measure the budgets beside bpftrace and BCC, in minutes: make bench ARGS='--only hits'
	$(if $(KERNEL),$(LAB) run --kernel $(KERNEL) --timeout 1800 -- \
		env KPTRACE_CLANG=tests/lab/guest_clang.sh )$(BIN)/python tests/bench/run.py $(ARGS)
