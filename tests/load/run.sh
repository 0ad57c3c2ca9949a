#!/bin/sh
# The server under load:
#
#     tests/load/run.sh path/to/cardwright
#
# A table of throughput and time to the first token beside llama-server, where there is one: the one that LLAMA_SERVER names,
# else that of scripts/peers; with the GGUF file that MODEL names, else the default model. Then the soak: SOAK requests (default 10000) of clients that abort, read slowly, close half of their
# connection or send nonsense, after which memory must be flat and every slot free.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cardwright=${1:?name the cardwright binary}

peers=${CARDWRIGHT_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/cardwright/peers}
server=${LLAMA_SERVER:-$peers/out/bin/llama-server}
if [ -x "$server" ]; then
    node "$here/load.mjs" "$cardwright" "$server" "${MODEL:-$("$cardwright" model pull default)}" ${LOAD_FLAGS:-}
else
    echo "skipped: no llama-server for the table; run \`make peers\`, or name one in LLAMA_SERVER"
fi
eval "$("$here/../../scripts/build" --env)"
SOAK=${SOAK:-10000} cargo test --release --test tests -- soak --nocapture
