#!/bin/sh
# Installs the libraries that `cargo bench --bench cards` measures beside this one, into the user's cache:
#
#     tests/bench/peers.sh
#
# SillyTavern itself comes with `make interop`.
set -eu
. "$(dirname "$0")/../installed.sh"
peers=${CARDWRIGHT_PEERS:-$cache/peers}
from_npm "$peers" @lenml/char-card-reader@1.1.1 || {
    cat "$peers/log"
    exit 1
}
from_pip "$peers/python" aichar==1.0.5 tavern-card==0.1.1
echo "installed in $peers"
