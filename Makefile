# make demo          a throw-away police zone on loopback, with the gate in front of it (Ctrl-C ends it)
# make demo TOUR=1   walks through it: some seventy steps, what should come of each, and what did
# make test          every test, end to end over real sockets included; POORT_ROUNDS=100 kills gates and fills disks that often
# make lint          format, clippy, the walls between the crates, licences and advisories
# make conformance   CRS's tests (in-process, through the gate, by go-ftw), libinjection's cases, our rules by text and attacks; Keycloak, Tomcat
# make bench         every figure, as text and in target/figures.jsonl
# make peers         the same inspection by other engines, as ratios

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
CLOCK = $(abspath $(TARGET))/soc/debian/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
LEAVES = poort-waf poort-policy poort-identity poort-enforce

.PHONY: demo test lint conformance bench peers
.SUFFIXES:

demo:
	@.ci/tools
	@if [ -x $(TARGET)/demo/poort ]; then echo "Up in a moment: only what changed is built again."; \
	else echo "The first build takes about 6 minutes on 2 cores, later ones seconds."; fi
	@$(CARGO) build --locked --profile demo --package poort --package poort-demo
	@$(TARGET)/demo/poort-demo $(if $(TOUR),tour)

# The gate is built first: end-to-end tests start it as a process. One set of crates for both, hence `--tests`. What tests of deploy/ drive
# (Prometheus, rsyslog, Grafana's schema, Sigma), the solver of policies/, a browser and an issuer for it are unpacked into the target
# directory; what cannot be had is said, and skipped. Pictures of the gate's pages are left in tmp/pages there.
test:
	@.ci/tools
	@.ci/soc $(TARGET)/soc
	$(CARGO) build --locked --workspace --lib --bins --tests
	FAKETIME_LIBRARY=$(CLOCK) $(CARGO) test --locked --workspace --lib --bins --tests --no-fail-fast
	$(CARGO) test --locked --workspace --doc --no-fail-fast

lint:
	@.ci/tools fmt clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@.ci/walls
	$(CARGO) clippy --locked --lib $(LEAVES:%=--package %) -- \
		-D clippy::disallowed_methods -D clippy::disallowed_types -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check bans licenses sources; \
	else echo "SKIPPED: licences and duplicates, as cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

# The second half runs through a gate process, and by go-ftw, which is written in Go. Without optimisation, as the demo: it waits more
# than it works. At the end a real Keycloak signs people in, and a real Tomcat takes the gate alone; without Java they are skipped.
conformance:
	@.ci/tools
	@$(CARGO) build --locked --release --package poort-conformance
	@$(TARGET)/release/poort-conformance
	@$(CARGO) build --locked --profile demo --package poort --package poort-conformance-gate
	@if command -v go >/dev/null 2>&1; then \
		go build -C tests/conformance/go-ftw -o $(abspath $(TARGET))/demo/go-ftw . || echo "SKIPPED: go-ftw does not build"; \
	else echo "SKIPPED: go-ftw, as Go is not installed"; fi
	@$(TARGET)/demo/poort-conformance-gate
	@.ci/soc $(TARGET)/soc conformance
	$(CARGO) test --locked --profile demo --package poort-tests --test keycloak --test tomcat -- --ignored --test-threads=1

bench:
	@.ci/tools
	$(CARGO) bench --locked --package poort-benches

peers:
	@.ci/tools -lmodsecurity
	$(CARGO) run --locked --release --manifest-path benches/peers/Cargo.toml
