# One place for what people and CI run. Everything that is missing is installed by scripts/tools, once.

TARGET := target/x86_64-unknown-linux-gnu
BINARY := $(TARGET)/release/sidegate
CARGO := cargo
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help demo build test lint bench ci

help:
	@echo "make demo   a PostgreSQL behind sidegate on this machine, with a tour"
	@echo "make test   the whole suite"
	@echo "make lint   formatting, clippy, policies"
	@echo "make bench  measurements"
	@echo "make ci     test and lint, as CI runs them"

demo:
	@scripts/tools postgres
	$(CARGO) build --release --locked
	$(BINARY) demo

build:
	$(CARGO) build --release --locked

test: build
	@scripts/tools postgres opa python node
	$(CARGO) test --locked
	SIDEGATE_BINARY=$(CURDIR)/$(BINARY) $(CARGO) test --locked --test static -- --ignored
	opa check --strict rego/sidegate
	opa test rego/sidegate
	set -e; for bundle in bundles/*/; do opa check --strict rego/sidegate "$$bundle"; opa test rego/sidegate "$$bundle"; done
	$(BINARY) demo --once </dev/null

lint:
	@scripts/tools opa components
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	opa fmt --fail --list rego/sidegate bundles

bench:
	@scripts/tools postgres
	$(CARGO) bench --locked

ci: test lint
