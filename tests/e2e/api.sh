#!/bin/sh
# The running server beside the document it gives of itself, by schemathesis, which makes up requests from the document:
#
#     tests/e2e/api.sh CARDWRIGHT WORK_FOLDER
#
# Two checks are off: the server takes numbers as texts, nulls and fields it does not know, as front-ends send them, so
# "wrong" requests are often right, and what is right by its schema may still name a card or a format that is not there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cardwright=$(realpath "$1")
work=$2
. "$root/tests/installed.sh"
tool=${SCHEMATHESIS:-$cache/schemathesis/bin/schemathesis}

if [ ! -x "$tool" ]; then
    if ! from_pip "$cache/schemathesis" "schemathesis==4.*" >"$work/pip.log" 2>&1; then
        echo "skipped: pip could not install schemathesis; see $work/pip.log"
        exit 0
    fi
fi

cards=$work/api-cards
mkdir -p "$cards" "$work/slots"
cp "$root"/cards/*.png "$cards"
"$cardwright" serve --port 0 --cards "$cards" --slot-save-path "$work/slots" --watch --ctx 64 -n 4 >"$work/api.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
base=
for _ in $(seq 300); do
    base=$(sed -n 's/^listening on //p' "$work/api.log")
    [ -n "$base" ] && break
    sleep 0.2
done

# A character takes the model half a minute, so inventing one is left to the page's test.
cd "$work" && PYTHONWARNINGS=ignore "$tool" run "$base/openapi.json" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method \
    --exclude-path /api/generate --mode all --phases examples,fuzzing --max-examples "${API_EXAMPLES:-6}" --max-time "${API_SECONDS:-150}" \
    --generation-deterministic --workers 4 --request-timeout 60 --no-color --suppress-health-check all >"$work/schemathesis.log" 2>&1
result=$?
kill -0 $server 2>/dev/null || {
    echo "failed: the server is gone"
    tail -20 "$work/api.log"
    exit 1
}
# A mistake of schemathesis itself is no finding: what counts is that requests were made and none was answered wrongly.
if [ $result != 0 ] && grep -qE '^ *[0-9]+ generated, [0-9]+ passed$' "$work/schemathesis.log"; then
    grep -A8 'Runtime Error' "$work/schemathesis.log" | head -9
    result=0
fi
if [ $result = 0 ]; then
    grep -E 'Test cases:|generated' "$work/schemathesis.log" | tail -2
    echo "api: the server is as its document says"
else
    cat "$work/schemathesis.log"
    echo "api: schemathesis found something"
fi
exit $result
