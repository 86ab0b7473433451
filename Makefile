# `make` alone lists what there is. Targets that need root (the lab, installing packages) use sudo where they are not run by it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

CARGO ?= cargo
NODES ?= 3
sudo := $(if $(filter 0,$(shell id -u)),,sudo)
lab := target/debug/lab
# What a fresh Debian or Ubuntu machine with Rust lacks: to build, to boot the lab, to lint. One package each; the second word is what proves it there.
packages := gcc:gcc pkg-config:pkg-config libssl-dev:/usr/include/openssl/ssl.h debootstrap:debootstrap systemd-container:systemd-nspawn \
	iproute2:ip util-linux:unshare openssh-client:ssh-keygen openssl:openssl shellcheck:shellcheck git:git

.PHONY: help deps build lint test lab-program lab-image lab-up lab-down

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## installs what is missing to build, test and lint (apt); does nothing when all is there
	@missing=(); \
	for pair in $(packages); do \
	  package=$${pair%%:*} proof=$${pair#*:}; \
	  if [[ $$proof == /* ]]; then [[ -e $$proof ]] || missing+=("$$package"); \
	  else PATH=$$PATH:/usr/sbin:/sbin command -v "$$proof" >/dev/null || missing+=("$$package"); fi; \
	done; \
	if (($${#missing[@]})); then \
	  echo "installing: $${missing[*]}"; \
	  $(sudo) apt-get update -qq && $(sudo) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
	@command -v $(CARGO) >/dev/null || { echo "no cargo: https://rustup.rs installs Rust" >&2; exit 1; }

build: deps ## builds everything, for development
	$(CARGO) build --workspace --all-targets

lint: deps ## formatting, clippy and shellcheck; any warning fails
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	git ls-files -z '*.sh' | xargs -0r shellcheck

test: lab-image ## all tests; those that touch machines boot labs of their own
	$(CARGO) test --workspace

lab-program: deps
	$(CARGO) build --quiet --package portcullis-lab

lab-image: lab-program ## makes the image all lab machines stand on (once, some 90 s)
	$(lab) image

lab-up: lab-program ## boots a lab by hand: make lab-up NODES=3
	$(lab) up --nodes $(NODES)

lab-down: lab-program ## takes it down again
	$(lab) down
