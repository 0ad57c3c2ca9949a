# Shared by the scripts beside it: source it.

say() { printf '%s\n' "$*" >&2; }

# The newest installed clang that llama.cpp's AMX code works with (version 15 or newer); nothing when there is none.
find_clang() {
    local name version
    for name in clang-{25,24,23,22,21,20,19,18,17,16,15} clang; do
        command -v "$name" >/dev/null || continue
        version=$("$name" -dumpversion 2>/dev/null | cut -d. -f1)
        if [ "${version:-0}" -ge 15 ]; then
            echo "$name"
            return
        fi
    done
}

# The folder of a clang's own libraries (libclang, libomp).
clang_libraries() {
    local folder
    folder=$("$1" -print-resource-dir)/../..
    cd "$folder" && pwd -P
}

# Whether a folder holds a shared library of this name, under any version.
holds() { compgen -G "$1/$2*.so*" >/dev/null || compgen -G "$1/$2*.dylib" >/dev/null; }
