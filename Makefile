# One place for what people and CI run. Everything that is missing is installed by scripts/tools, once.

TARGET := target/x86_64-unknown-linux-gnu
BINARY := $(CURDIR)/$(TARGET)/release/sidegate
CARGO := cargo
export PATH := $(CURDIR)/target/tools/bin:$(PATH)
# Seconds for each fuzz target.
FUZZ := 60
# How many statements look for what is hidden.
COUNT := 200000
# How long sqlsmith makes statements.
SECONDS := 300
# How often sidegate is killed under load.
KILLS := 1000

.PHONY: fuzz-lineage fuzz-sql help demo build tools test test-regress test-faults long-faults policies oracle fuzz tour lint bench ci

help:
	@echo "make demo   a PostgreSQL behind sidegate on this machine, with a tour"
	@echo "make test   the whole suite"
	@echo "make test-regress   PostgreSQL's regression SQL through sidegate, part of make test"
	@echo "make test-faults    faults with figures of the released binary, part of make test"
	@echo "make long-faults    faults that take minutes"
	@echo "make lint   formatting, clippy, policies, documentation"
	@echo "make fuzz   each fuzz target for FUZZ=$(FUZZ) seconds"
	@echo "make fuzz-sql   COUNT=$(COUNT) statements against two servers, looking for hidden values; SIDEGATE_FUZZ_SEED=n again"
	@echo "make sqlsmith   statements that sqlsmith makes for SECONDS=$(SECONDS); SIDEGATE_SQLSMITH_SEED=n for others"
	@echo "make suites   SQLAlchemy's own tests of a dialect, through sidegate and past it"
	@echo "make fuzz-lineage   COUNT=$(COUNT) statements read as PostgreSQL reads them; SIDEGATE_SEED=n again"
	@echo "make bench  measurements"
	@echo "make kill   sidegate killed under load KILLS=$(KILLS) times: nothing that ran or was answered is lost"
	@echo "make ci     all that has to pass before a change lands"

demo:
	@scripts/tools postgres
	$(CARGO) build --release --locked --bin sidegate
	$(BINARY) demo

build:
	$(CARGO) build --release --locked --bin sidegate

tools:
	@scripts/tools postgres pg18 pg18clients clients opa conformance python node java go rust ruby perl pgproto components

# The released binary is built once; what tests it is built in the quick profile.
test: tools build
	$(CARGO) test --locked
	SIDEGATE_BINARY=$(BINARY) $(CARGO) test --locked --test static -- --ignored
	@$(MAKE) --no-print-directory test-regress test-faults policies oracle tour

# psql cannot tell that sidegate is there.
test-regress: build
	@scripts/tools postgres regress
	SIDEGATE_BINARY=$(BINARY) tests/regress/run

# Faults whose figures are those of the released binary.
test-faults: build
	@scripts/tools postgres clients
	SIDEGATE_BINARY=$(BINARY) SIDEGATE_VALUE=1073740824 \
		$(CARGO) test --locked --test faults -- statements_that_are_too_much a_value_of_a_gigabyte

# Faults that take minutes: ten thousand idle sessions, and two minutes of silence by the clock.
long-faults: build
	@scripts/tools postgres clients
	SIDEGATE_BINARY=$(BINARY) SIDEGATE_SILENCE=1 SIDEGATE_CROWD=10000 \
		$(CARGO) test --locked --test faults -- --nocapture silence:: who_are_idle

policies:
	@scripts/tools opa
	opa check --strict --schema rego/schema/input.json rego/sidegate
	opa test rego/sidegate
	set -e; for bundle in bundles/*/; do \
		opa check --strict --schema rego/schema/input.json rego/sidegate "$$bundle"; \
		opa test rego/sidegate "$$bundle"; \
	done

# What sidegate reads out of a statement, against PostgreSQL's own parser.
oracle:
	@scripts/tools python
	tests/oracle/run

# Without a terminal: the tour, and the end.
tour:
	$(BINARY) demo --once </dev/null

fuzz:
	@scripts/tools fuzz
	scripts/fuzz $(FUZZ)

lint:
	@scripts/tools opa components
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	opa fmt --fail --list rego bundles tests/regress/bundle

# The suite sends 5,000.
fuzz-sql: build
	@scripts/tools postgres pg18 clients
	SIDEGATE_BINARY=$(BINARY) SIDEGATE_FUZZ_COUNT=$(COUNT) SIDEGATE_FUZZ_SEED=$${SIDEGATE_FUZZ_SEED:-$$(date +%s)} \
		$(CARGO) test --locked --test adversarial fuzz:: -- --nocapture

.PHONY: sqlsmith
sqlsmith: build
	@scripts/tools postgres clients sqlsmith
	SIDEGATE_BINARY=$(BINARY) SIDEGATE_SQLSMITH_SECONDS=$(SECONDS) \
		$(CARGO) test --locked --test journeys sqlsmith:: -- --ignored --nocapture

.PHONY: suites
suites: build
	@scripts/tools postgres pg18 clients python
	SIDEGATE_BINARY=$(BINARY) $(CARGO) test --locked --test journeys suites:: -- --ignored --nocapture

# The suite sends 300.
fuzz-lineage:
	@scripts/tools postgres
	SIDEGATE_STATEMENTS=$(COUNT) SIDEGATE_SEED=$${SIDEGATE_SEED:-$$(date +%s)} \
		$(CARGO) test --locked --test journeys lineage:: -- --nocapture

bench:
	@scripts/tools postgres pgbouncer
	$(CARGO) build --release --locked --bin sidegate --example relay
	benches/speed $(BINARY) $(TARGET)/release/examples/relay
	$(CARGO) bench --locked

# The suite does it fifty times.
.PHONY: kill
kill:
	@scripts/tools postgres clients
	SIDEGATE_KILLS=$(KILLS) $(CARGO) test --locked --test faults kills -- --nocapture

ci: test fuzz lint
