#!/bin/sh
# Installs the libraries that `cargo bench --bench cards` measures beside this one, into the user's cache:
#
#     tests/bench/peers.sh
#
# SillyTavern itself comes with `make interop`.
set -eu
peers=${CARDWRIGHT_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/cardwright/peers}
mkdir -p "$peers"
npm install --prefix "$peers" --ignore-scripts --no-audit --no-fund --silent @lenml/char-card-reader@1.1.1
[ -x "$peers/python/bin/python" ] || python3 -m venv "$peers/python"
"$peers/python/bin/pip" install --quiet aichar==1.0.5 tavern-card==0.1.1
echo "installed in $peers"
