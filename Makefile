# `make demo` does everything on a fresh machine, `make test` runs the tests; scripts/ holds what they do.

.PHONY: all adapter build model demo test lint interop e2e load bench peers agreement compare install clean
SHELL := bash
PREFIX ?= $(HOME)/.local

all: build

build:
	@scripts/setup
	@scripts/build

model: build
	@./cardwright model pull default

demo: model
	@scripts/demo

test: model
	@eval "$$(scripts/build --env)" && cargo test --release

lint: build
	@cargo fmt --check
	@eval "$$(scripts/build --env)" && cargo clippy --release --all-targets -- -D warnings
	@eval "$$(scripts/build --env)" && cargo clippy --release --no-default-features --all-targets -- -D warnings

# SillyTavern's own code over the cards we write, and ours over what it writes; skipped where npm is absent.
interop: build
	@tests/interop/run.sh ./cardwright

# The server in front of people: its page and SillyTavern in a real browser, and its description beside what it answers;
# each is skipped, with a line that says why, where what it needs is absent.
e2e: model
	@tests/e2e/run.sh ./cardwright

# Our server beside the llama-server of `make peers`, and ten thousand requests of clients that misbehave.
load: model
	@tests/load/run.sh ./cardwright

bench: model
	@./cardwright bench

# llama.cpp's own programs, to compare with; 40 MB are fetched, and it takes some ten minutes.
peers:
	@scripts/setup
	@scripts/peers

# What we convert, merge and quantize beside what they do, tensor for tensor and key for key; 3 GB more for PyTorch.
agreement: build
	@tests/interop/weights.sh

# Ours beside theirs on the default model, with ratios.
compare: model peers
	@scripts/compare "$$(./cardwright model pull default)"

# The adapter that comes with the program, trained anew from training/ into out/adapter.
adapter: model
	@scripts/adapter

install: build
	@install -D ./cardwright "$(PREFIX)/bin/cardwright"
	@echo "installed $(PREFIX)/bin/cardwright"

clean:
	@eval "$$(scripts/build --env)" && cargo clean
	@rm -f cardwright
