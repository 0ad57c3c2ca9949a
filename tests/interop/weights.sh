#!/bin/sh
# Compares our conversions, merges and quantizations of models and adapters with those of llama.cpp's own tools.
#
# Takes the programs and sources that `scripts/peers` puts into the folder that CARDWRIGHT_PEERS names (default:
# cardwright/peers in the user's cache directory), adds what llama.cpp's Python needs, about 3 GB because of PyTorch, and
# runs the tests of tests/weights/peers.rs.
set -eu
cd "$(dirname "$0")/../.."
. tests/installed.sh
if ! command -v python3 >/dev/null; then
    echo "skipped: there is no python3"
    exit 0
fi
CARDWRIGHT_PEERS=$(scripts/peers)
export CARDWRIGHT_PEERS
if [ ! -e "$CARDWRIGHT_PEERS/venv/complete" ]; then
    from_pip "$CARDWRIGHT_PEERS/venv" --no-cache-dir numpy safetensors sentencepiece torch transformers
    touch "$CARDWRIGHT_PEERS/venv/complete"
fi
eval "$(scripts/build --env)"
cargo test --release --test tests weights::peers -- --nocapture
