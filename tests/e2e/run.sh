#!/bin/sh
# The server in front of people: its own page, and SillyTavern, both driven in a real browser.
#
#     tests/e2e/run.sh path/to/cardwright [page|sillytavern|lorebooks|api]...
#
# Needs node, Chromium and a model. What is missing is installed where that is allowed (playwright-core, axe-core and
# SillyTavern from npm into the user's cache, Chromium by scripts/browser), else this says what is missing and succeeds.
# Pictures of every view are left in the folder E2E_PICTURES, if it is set.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
cardwright=${1:?name the cardwright binary}
shift
. "$root/tests/installed.sh"
parts=${*:-page sillytavern lorebooks api}

skip() {
    echo "skipped: $1"
    exit 0
}

command -v node >/dev/null || skip "there is no \`node\`"
command -v npm >/dev/null || skip "there is no \`npm\` to install what drives a browser"
"$cardwright" model show "${CARDWRIGHT_MODEL:-default}" >/dev/null 2>&1 || skip "there is no model; run \`make model\`"

E2E_MODULES=${E2E_MODULES:-$cache/e2e}
if [ ! -d "$E2E_MODULES/node_modules/playwright-core" ] || [ ! -d "$E2E_MODULES/node_modules/axe-core" ]; then
    from_npm "$E2E_MODULES" playwright-core@1 axe-core@4 ||
        skip "npm could not install playwright-core and axe-core; see $E2E_MODULES/log"
fi
E2E_CHROMIUM=${E2E_CHROMIUM:-$("$root/scripts/browser")} || E2E_CHROMIUM=
[ -n "$E2E_CHROMIUM" ] || skip "there is no Chromium; install the package \`chromium\`"
export E2E_MODULES E2E_CHROMIUM

work=$(mktemp -d)
failed=0
for part in $parts; do
    # A folder each: what one of them leaves there would be another's first start.
    mkdir "$work/$part"
    case $part in
    page)
        node "$here/page.mjs" "$cardwright" "$work/$part" || failed=1
        ;;
    sillytavern | lorebooks)
        if find_sillytavern; then
            node "$here/$part.mjs" "$cardwright" "$SILLYTAVERN_DIR" "$work/$part" || failed=1
        else
            echo "skipped: $lacking"
        fi
        ;;
    api)
        "$here/api.sh" "$cardwright" "$work/$part" || failed=1
        ;;
    *)
        echo "there is no part \`$part\`: page, sillytavern, lorebooks, api"
        failed=1
        ;;
    esac
done
if [ "$failed" = 0 ]; then rm -rf "$work"; else echo "logs and pictures: $work"; fi
exit "$failed"
