#!/bin/sh
# The server under load:
#
#     tests/load/run.sh path/to/cardwright
#
# A table of throughput and time to the first token beside llama-server, where LLAMA_SERVER names one and MODEL the GGUF
# file for both, and the soak: SOAK requests (default 10000) of clients that abort, read slowly, close half of their
# connection or send nonsense, after which memory must be flat and every slot free.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cardwright=${1:?name the cardwright binary}

if [ -n "${LLAMA_SERVER:-}" ] && [ -n "${MODEL:-}" ]; then
    node "$here/load.mjs" "$cardwright" "$LLAMA_SERVER" "$MODEL" ${LOAD_FLAGS:-}
else
    echo "skipped: name llama-server in LLAMA_SERVER and a GGUF file in MODEL for the table"
fi
eval "$("$here/../../scripts/build" --env)"
SOAK=${SOAK:-10000} cargo test --release --test tests -- soak --nocapture
