# `make` alone lists what there is. Targets that need root (the lab, installing packages) use sudo where they are not run by it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CARGO ?= cargo
NODES ?= 3
lab := target/debug/lab
# What a fresh Debian or Ubuntu machine with Rust lacks: to build, to boot the lab, to lint. The second word proves it there.
packages := gcc:gcc pkg-config:pkg-config libssl-dev:/usr/include/openssl/ssl.h debootstrap:debootstrap systemd-container:systemd-nspawn \
	iproute2:ip util-linux:unshare openssh-client:ssh-keygen openssl:openssl shellcheck:shellcheck git:git
# Peers that tests run: shells, readers of man pages and of our own pages, SSH servers, mail, proxy, web server, and whoever opens a PFX that we wrote.
test_packages := busybox:busybox dash:dash fish:fish tcsh:tcsh sudo:sudo openssh-server:sshd dropbear-bin:dropbear \
	python3-asyncssh:/usr/lib/python3/dist-packages/asyncssh python3-paramiko:/usr/lib/python3/dist-packages/paramiko \
	libssh-dev:/usr/include/libssh/server.h nginx-light:nginx haproxy:haproxy chrony:chronyd postfix:postfix \
	dovecot-core:dovecot dovecot-submissiond:/usr/lib/dovecot/submission squid-openssl:/usr/lib/squid/security_file_certgen gnutls-bin:certtool libnss3-tools:pk12util \
	default-jre-headless:keytool python3-cryptography:/usr/lib/python3/dist-packages/cryptography sqlite3:sqlite3 \
	python3-cryptography-vectors:/usr/lib/python3/dist-packages/cryptography_vectors/__init__.py \
	python3:python3 python3-pyte:/usr/lib/python3/dist-packages/pyte tmux:tmux softhsm2:softhsm2-util opensc:pkcs11-tool \
	rsyslog:rsyslogd rsyslog-openssl:/usr/share/doc/rsyslog-openssl/copyright slapd:slapd \
	curl:curl wget:wget python3-requests:/usr/lib/python3/dist-packages/requests \
	zsh:zsh man-db:man mandoc:mandoc libxml2-utils:xmllint \
	chromium:chromium chromium-driver:chromedriver postgresql:/usr/lib/postgresql

.PHONY: dist dist-twice dist-test dist-deps help demo endurance bench-windows deps test-deps build lint test audit fuzz reference picture docs certs-examples bench bench-deps chaos lab-program lab-image lab-up lab-down

demo: lab-image ## boots a lab and runs the whole road on it, a line of explanation each
	$(CARGO) build --quiet --bin portcullis
	tests/lab/demo.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## installs what is missing to build, boot the lab and lint (apt); does nothing when all is there
	@tests/install-packages.sh $(packages)
	@command -v $(CARGO) >/dev/null || { echo "no cargo: https://rustup.rs installs Rust" >&2; exit 1; }

test-deps: deps
	@tests/install-packages.sh $(test_packages)

build: deps ## builds everything, for development
	$(CARGO) build --workspace --all-targets

lint: deps ## formatting, clippy and shellcheck; any warning fails
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	git ls-files -z '*.sh' packaging/debian | xargs -0r shellcheck

test: test-deps lab-image ## all tests; those that touch machines boot labs of their own
	rm -rf target/tmp/provoked
	$(CARGO) test --workspace
	tests/provoked.sh target/debug/portcullis target/tmp/provoked tests/unprovoked.txt
	python3 -m unittest -q benches.test_figures

# Each fault at each step first, then at random on four nodes at once: MINUTES of it.
chaos: test-deps lab-image ## kills clients, cuts ways, takes power away and fills disks at every step, then at random: make chaos MINUTES=60
	PORTCULLIS_FAULTS=all $(CARGO) test --test it -- --nocapture road::faults::each
	PORTCULLIS_CHAOS_MINUTES=$(or $(MINUTES),60) $(CARGO) test --test it -- --nocapture road::faults::chaos

# A release build, then labs of 1, 10 and 50 nodes at 0 and 50 ms. Shorter or longer: make bench NODES="1 10 100" RTT="0 50 200" ROUNDS=1 TOOLS="portcullis tar-ssh"
bench: bench-deps lab-image ## first and second apply beside five other ways (half an hour on two quiet cores); rows, plots and model in target/bench
	$(CARGO) build --release --bin portcullis
	python3 -m benches.apply $(if $(filter file,$(origin NODES)),,--nodes "$(NODES)") \
	  $(if $(RTT),--rtt "$(RTT)") $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(TOOLS),--tools "$(TOOLS)")
	python3 -m benches.model
	python3 -m benches.access $(if $(filter file,$(origin NODES)),,--nodes "$(NODES)") $(if $(RTT),--rtt "$(RTT)") $(if $(ROUNDS),--rounds $(ROUNDS))
	python3 -m benches.check $(if $(RTT),--rtt "$(RTT)") $(if $(ROUNDS),--rounds $(ROUNDS))
	$(if $(wildcard benches/upload.py),$(CARGO) build --release --bench upload && python3 benches/upload.py)
	$(CARGO) bench --bench certs

# Python's own `venv`, which Debian packs apart: the second word is never found, so that the package is asked for where the first look fails.
bench-deps: deps
	@python3 -c 'import ensurepip' 2>/dev/null || tests/install-packages.sh python3:python3 python3-venv:no-ensurepip

lab-program: deps
	$(CARGO) build --quiet --package portcullis-lab

lab-image: lab-program ## makes the image all lab machines stand on (once, some 90 s)
	$(lab) image

lab-up: lab-program ## boots a lab by hand: make lab-up NODES=3
	$(lab) up --nodes $(NODES)

lab-down: lab-program ## takes it down again
	$(lab) down

fuzz: ## fuzzes each certificate reader for a minute (the corpus is kept), and flips each bit of a ledger of 200 events
	$(CARGO) test --release --lib ledger::tampering
	fuzz/run.sh 60

reference: ## makes docs/reference/ anew, from the types
	$(CARGO) build --quiet --bin portcullis
	target/debug/portcullis playbook reference > docs/reference/playbooks.md
	target/debug/portcullis check --list --markdown > docs/reference/checks.md
	target/debug/portcullis events > docs/reference/events.schema.json
	target/debug/portcullis site reference > docs/reference/site-file.md
	target/debug/portcullis help findings > docs/reference/findings.md
	target/debug/portcullis help events > docs/reference/events.md
	target/debug/portcullis help exit-codes > docs/exit-codes.md

picture: lab-image test-deps ## draws docs/pictures/terminal.svg anew, from real commands on a lab
	$(CARGO) build --quiet --bin portcullis
	$(lab) --lab picture up --nodes 3
	PORTCULLIS_LAB=picture /usr/bin/python3 docs/pictures/draw.py docs/pictures/terminal.svg; code=$$?; $(lab) --lab picture down; exit $$code

docs: ## makes the book in target/book, with search
	command -v mdbook >/dev/null || $(CARGO) install --locked mdbook
	mdbook build docs

# What a release needs beside the compiler: OpenSSL is built by perl and make, the package by dpkg-deb; zig comes as a Python package.
dist-deps: bench-deps
	@tests/install-packages.sh perl:perl make:make binutils:objdump xz-utils:xz dpkg:dpkg-deb

dist: dist-deps ## one binary for x86-64 Linux with an old glibc, a Debian package, bill of materials and checksums, in target/dist (10 minutes and more)
	packaging/dist.sh

# Not part of CI, nor is the next: each builds the release anew, or boots systems, for longer than a test may take.
dist-twice: dist ## builds all of it a second time, in another folder, and compares the checksums
	packaging/twice.sh

dist-test: test-deps lab-image ## tries the Debian package of `make dist` on a lab machine and in an older Debian (debootstrap)
	packaging/trial.sh

certs-examples: ## makes certs-examples/ anew
	certs-examples/make.sh

audit: ## licences, bans and sources of the dependencies; advisories where their database can be fetched (not part of CI)
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources
	$(CARGO) deny check advisories || echo "the advisory database could not be fetched or names a problem: see above"

endurance: lab-image ## opens and closes 200 windows on ten nodes with faults injected; fails where anything is left (WINDOWS=50 for fewer)
	$(CARGO) build --bin portcullis
	python3 -m benches.windows.endurance --windows $(or $(WINDOWS),200)

bench-windows: lab-image ## how late sessions end after 100 windows; histogram in target/bench/delay.svg
	$(CARGO) build --bin portcullis
	python3 -m benches.windows.delay --at-once 50
