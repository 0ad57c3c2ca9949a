# Sourced by the checks beside other people's programs: what they need is installed once, into the user's cache.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/cardwright
sillytavern=1.19.0

# from_npm FOLDER PACKAGE...: installs packages into a folder, whose `log` says how it went.
from_npm() {
    folder=$1
    shift
    mkdir -p "$folder"
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund "$@" >"$folder/log" 2>&1
}

# from_pip FOLDER PACKAGE...: installs packages into a virtual environment of their own.
from_pip() {
    folder=$1
    shift
    [ -x "$folder/bin/pip" ] || python3 -m venv "$folder" || return 1
    "$folder/bin/pip" install --quiet "$@"
}

# Makes SILLYTAVERN_DIR the folder of SillyTavern's package, or `lacking` the reason why there is none.
find_sillytavern() {
    [ -z "${SILLYTAVERN_DIR:-}" ] || return 0
    home=$cache/sillytavern-$sillytavern
    if [ ! -f "$home/node_modules/sillytavern/package.json" ]; then
        lacking="there is no \`npm\` to install SillyTavern $sillytavern with"
        command -v npm >/dev/null || return 1
        lacking="npm could not install SillyTavern $sillytavern; see $home/log"
        from_npm "$home" "sillytavern@$sillytavern" || return 1
    fi
    SILLYTAVERN_DIR=$home/node_modules/sillytavern
}
