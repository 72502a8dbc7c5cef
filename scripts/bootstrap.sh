#!/bin/sh
# Prepares .venv from the hash-pinned locks. Usage: scripts/bootstrap.sh runtime|dev
# A second run costs milliseconds: the stamp holds what was installed, and where.
set -eu
cd "$(dirname "$0")/.."

wanted=$1
venv=.venv

say() { # say KOREAN ENGLISH
    case ${BONGSU_LANG:-ko} in en) echo "· $2" ;; *) echo "· $1" ;; esac
}

fingerprint() { # fingerprint runtime|dev
    { pwd; cat requirements/tools.txt requirements/runtime.txt "requirements/$1.txt" pyproject.toml scripts/bootstrap.sh; } | cksum
}

installed() {
    [ -f "$venv/.installed-$1" ] && [ "$(cat "$venv/.installed-$1")" = "$(fingerprint "$1")" ]
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "Python 3.11 이상이 필요합니다: apt-get install python3 python3-venv" \
        "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2
    exit 69
}

require_venv() {
    "$1" -c 'import venv, ensurepip' 2>/dev/null && return
    say "Python의 venv 모듈이 없습니다. 이 명령을 실행한 뒤 다시 시작하세요: sudo apt-get install python3-venv" \
        "Python's venv module is missing. Run this, then start again: sudo apt-get install python3-venv" >&2
    exit 69
}

install() { # with uv; where uv cannot reach the package index that pip is configured for, with pip
    if ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "requirements/$wanted.txt"; then
        say "uv로 되지 않아 pip로 설치합니다 (조금 더 걸립니다)…" "uv failed; installing with pip (slower)…"
        "$venv/bin/python" -m pip install --quiet --require-hashes -r "requirements/$wanted.txt"
    fi
}

if [ "$wanted" = runtime ] && grep -qiE '^[[:space:]]*SENTRY_ENABLED[[:space:]]*=[[:space:]]*["'"'"']?(true|1|yes|on|t|y)' "${BONGSU_ENV_FILE:-.env}" 2>/dev/null; then
    wanted=sentry # runtime, and the one package that only this needs
fi
installed dev && exit 0 # holds all of runtime and sentry
installed "$wanted" && exit 0

begun=$(date +%s)
python=$(find_python)
require_venv "$python"
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "[1/4] 가상 환경을 만드는 중 (.venv)…" "[1/4] making the virtual environment (.venv)…"
    "$python" -m venv --clear "$venv"
fi
rm -f "$venv"/.installed-*
export PIP_DISABLE_PIP_VERSION_CHECK=1
say "[2/4] 설치 도구를 받는 중 (uv)…" "[2/4] fetching the installer (uv)…"
"$venv/bin/python" -m pip install --quiet --require-hashes -r requirements/tools.txt
say "[3/4] 패키지를 설치하는 중 (requirements/$wanted.txt, 해시로 고정)…" \
    "[3/4] installing packages (requirements/$wanted.txt, pinned by hash)…"
install
say "[4/4] bongsu를 설치하는 중…" "[4/4] installing bongsu…"
"$venv/bin/uv" pip install --quiet --offline --python "$venv/bin/python" --no-deps --no-build-isolation -e .
fingerprint "$wanted" >"$venv/.installed-$wanted"
say "준비가 끝났습니다 ($(($(date +%s) - begun))초)." "Ready ($(($(date +%s) - begun)) s)."
