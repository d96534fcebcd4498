# Hardline: what a person types. Each target sets up what it needs by itself.
#
#   make run      build, start the homeserver of this device, open the window
#   make test     everything that is checked
#   make help     the rest

SHELL := /bin/bash
CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/target

# `dev` builds fastest and is quick enough to try; `make run PROFILE=release` for speed and little memory.
PROFILE ?= dev
OUT = $(CARGO_TARGET_DIR)/$(if $(filter dev,$(1)),debug,$(1))

PREFIX ?= /usr/local
DESTDIR ?=

.DEFAULT_GOAL := help
.PHONY: help setup run build test lint bench soak install uninstall deny clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install the Debian packages that building, running and testing need, and the test runner
	@packaging/scripts/install-packages build run test
	@packaging/scripts/install-nextest

build: ## build the programs (PROFILE=dev or release)
	@packaging/scripts/install-packages build
	$(CARGO) build --locked --profile $(PROFILE) --bins -p hardline -p hardline-media -p hardline-server

run: ## build, start the homeserver of this device, open the window (PROFILE=dev or release)
	@packaging/scripts/install-packages build run
	$(CARGO) build --locked --profile $(PROFILE) --bins -p hardline -p hardline-media -p hardline-server
	@packaging/scripts/run $(call OUT,$(PROFILE))

test: ## everything that is checked: format, lints, unit, integration, interface, end to end
	@packaging/scripts/test

lint: ## format, lints and architecture alone
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) xtask check-arch

bench: ## measure speed and memory against peers (release build)
	@packaging/scripts/install-packages build run test
	$(CARGO) build --locked --release --bins -p hardline -p hardline-server -p hardline-testkit
	$(call OUT,release)/testkit-bench

soak: ## tests that take longer than a minute each
	@packaging/scripts/install-packages build run test
	@packaging/scripts/install-nextest
	$(CARGO) build --locked --workspace --all-targets
	$(CARGO) nextest run --locked --workspace --profile soak

install: ## install under $(DESTDIR)$(PREFIX); builds with optimisation if need be
	@packaging/scripts/install-packages build
	$(CARGO) build --locked --release --bins -p hardline -p hardline-media -p hardline-server -p xtask
	$(call OUT,release)/xtask install --programs $(call OUT,release) --prefix $(PREFIX) --destdir "$(DESTDIR)"

uninstall: ## remove what `make install` with the same DESTDIR and PREFIX put there
	$(CARGO) xtask uninstall --prefix $(PREFIX) --destdir "$(DESTDIR)"

deny: ## check licences and duplicates of the dependencies (installs cargo-deny if need be)
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check licenses bans sources

clean: ## remove everything that was built here
	$(CARGO) clean
