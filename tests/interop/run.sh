#!/bin/sh
# Cards, macros and presets beside SillyTavern itself:
#
#     tests/interop/run.sh path/to/cardwright
#
# SillyTavern is installed once from npm into the user's cache (or named with SILLYTAVERN_DIR). Where that is not possible,
# this says so and succeeds. It prints `N passed, N failed` and fails if anything did.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
cardwright=${1:?name the cardwright binary}
. "$root/tests/installed.sh"

skip() {
    echo "skipped: $1"
    exit 0
}

command -v node >/dev/null || skip "there is no \`node\`"
find_sillytavern || skip "$lacking"
export SILLYTAVERN_DIR

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# check NAME COMMAND...: counts whether the command succeeds, and shows what it said if not.
check() {
    what=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $what"
        sed 's/^/    /' "$work/said"
    fi
}

theirs() { node "$here/cards.mjs" "$@"; }
# The card we wrote, as SillyTavern reads it.
they_read() { theirs read "$1" >"$work/theirs.json" && theirs compare "$2" "$work/theirs.json"; }
# The card SillyTavern wrote, as we read it.
we_read() {
    theirs write "$1" "$2" "$work/written.png" &&
        "$cardwright" convert "$work/written.png" -o "$work/ours.json" --force && theirs compare "$2" "$work/ours.json"
}

# The same file, read by SillyTavern and by us.
we_agree() {
    theirs read "$1" >"$work/theirs.json" && "$cardwright" convert "$1" --to v2 -o "$work/ours.json" --force &&
        theirs compare "$work/ours.json" "$work/theirs.json"
}
# How many pictures SillyTavern takes out of an archive, none of them empty.
they_take() {
    theirs files "$1" >"$work/files.json" && node -e '
        const sizes = JSON.parse(require("fs").readFileSync(process.argv[1]));
        if (sizes.length < 1 || sizes.some(size => size < 100)) { console.log(sizes); process.exit(1); }' "$work/files.json"
}
# What SillyTavern read out of an archive, in its own PNG, as we read that.
they_pass_on() {
    node -e '
        const fs = require("fs");
        fs.writeFileSync(process.argv[2], JSON.stringify(JSON.parse(fs.readFileSync(process.argv[1])).card));' "$work/theirs.json" "$work/passed.json" &&
        theirs write "$2" "$work/passed.json" "$work/passed.png" &&
        "$cardwright" convert "$work/passed.png" -o "$work/again.json" --force && theirs compare "$work/again.json" "$work/theirs.json"
}

for source in "$root"/cards/*.png "$root"/cards/*.charx "$root"/cards/*.json "$root"/tests/fixtures/interop/*.json; do
    [ -f "$source" ] || continue
    name=$(basename "${source%.*}")
    card=$work/$name.card.json
    "$cardwright" convert "$source" -o "$card" >"$work/said" 2>&1 || check "we read $name" cat "$work/said" /nonexistent
    # The others from the PNG, which has a picture whatever the source has.
    for container in png charx jpeg; do
        out=$work/$name.$container
        from=$work/$name.png
        [ $container = png ] && from=$source
        if "$cardwright" convert "$from" -o "$out" >"$work/said" 2>&1; then
            check "SillyTavern reads our $name.$container" they_read "$out" "$card"
        else
            check "we write $name.$container" cat "$work/said" /nonexistent
        fi
    done
    for container in byaf yaml; do
        out=$work/$name.$container
        "$cardwright" convert "$work/$name.png" -o "$out" >"$work/said" 2>&1 || check "we write $name.$container" cat "$work/said" /nonexistent
        check "SillyTavern and we agree about $name.$container" we_agree "$out"
    done
    for container in charx byaf; do
        out=$work/$name.$container
        check "SillyTavern takes the pictures out of $name.$container" they_take "$out"
        theirs read "$out" >"$work/theirs.json"
        check "$name.$container comes back out of SillyTavern" they_pass_on "$out" "$work/$name.png"
    done
    check "we read SillyTavern's $name.png" we_read "$work/$name.png" "$card"
done
for source in "$root"/cards/*.byaf "$root"/cards/*.yaml; do
    [ -f "$source" ] && check "SillyTavern and we agree about $(basename "$source")" we_agree "$source"
done

check "the recorded macro answers are SillyTavern's" sh -c \
    'node "$1/macros.mjs" | cmp - "$1/../fixtures/macros/sillytavern-1.19.json"' sh "$here"

check "SillyTavern writes our formats' exact bytes with our presets" node "$here/presets.mjs" "$SILLYTAVERN_DIR" "$cardwright"

check "SillyTavern's functions and ours write the same with every preset it ships" node "$here/stock.mjs" "$SILLYTAVERN_DIR" "$cardwright"
tail -1 "$work/said"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
