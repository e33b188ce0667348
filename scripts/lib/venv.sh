# The virtual environment of the scripts, .venv in the checkout. To be sourced by bash in the checkout's directory.
#
#   ensure_venv SCRIPT [EXTRA]      make or reuse it, with the package installed in place, with the extra where one is named
#
# Needs Python 3.11 or newer with pip, and a package index. PYTHON=/path/to/python chooses the interpreter. It is used
# again as long as setup.py and the interpreter are the same; one with an extra also serves those who need none.

say() { printf '== %s\n' "$*"; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local script=$1 name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    echo "no Python 3.11 or newer found; install one, or name it: PYTHON=/path/to/python $script" >&2
    return 1
}

make_venv() {
    local python=$1 short
    if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        "$python" -m venv .venv
        return
    fi
    short=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    say "$python lacks ensurepip (Debian: apt install $short-venv); trying without it"
    "$python" -m venv --without-pip .venv && "$python" -m pip --python .venv/bin/python install --quiet pip && return
    say "trying virtualenv"
    rm -rf .venv
    "$python" -m pip install --quiet --user virtualenv && "$python" -m virtualenv --quiet .venv && return
    echo "no virtual environment could be made; apt install $short-venv" >&2
    return 1
}

stamped() { [[ -f .venv/$1 && $(cat ".venv/$1") == "$2" ]]; }

ensure_venv() {
    local script=$1 extra=${2:-} python stamp file=stamp
    python=$(find_python "$script")
    stamp=$({ "$python" -c 'import sys; print(sys.version, sys.executable)' && cat setup.py; } | sha256sum | cut -d ' ' -f 1)
    if [[ -z $extra ]]; then
        file=stamp-plain
        stamped stamp "$stamp" && return
    fi
    stamped $file "$stamp" && return
    say "making .venv with $("$python" -V)"
    rm -rf .venv
    make_venv "$python"
    say "installing mdht${extra:+[$extra]}"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e ".${extra:+[$extra]}"
    echo "$stamp" >.venv/$file
}
