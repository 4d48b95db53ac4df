# Sourced by ./run and ./test: makes .venv and installs lossdsl in it, in editable mode, with the extras named in
# $extras.  Needs Python 3.11 or newer and pip, nothing else.  Does nothing if that was done before and neither
# pyproject.toml nor constraints.txt has changed.  $PYTHON chooses the interpreter.

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "lossdsl needs Python 3.11 or newer; set PYTHON to its path" >&2
    return 1
}

stamp=.venv/installed-$extras
state=$(cat pyproject.toml constraints.txt | cksum)
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$state" ]; then
    python=$(find_python)
    echo "setting up .venv ($("$python" --version), extras: $extras)"
    # --without-pip: some systems ship Python without ensurepip; the pip outside installs into .venv just as well.
    [ -x .venv/bin/python ] || "$python" -m venv --without-pip .venv
    "$python" -m pip --python .venv/bin/python install --quiet -c constraints.txt pip -e ".[$extras]"
    echo "$state" >"$stamp"
fi
PATH=$PWD/.venv/bin:$PATH
export PATH
