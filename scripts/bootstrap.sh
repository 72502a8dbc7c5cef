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

fingerprint() { # fingerprint LOCK…
    { pwd; cat requirements/tools.txt requirements/runtime.txt pyproject.toml scripts/bootstrap.sh; for lock; do cat "requirements/$lock.txt"; done; } | cksum
}

stamp() { # stamp LOCK…
    echo "$venv/.installed-$(echo "$*" | tr ' ' -)"
}

installed() { # installed LOCK…
    [ -f "$(stamp "$@")" ] && [ "$(cat "$(stamp "$@")")" = "$(fingerprint "$@")" ]
}

chosen() { # chosen NAME VALUES: whether .env gives NAME one of VALUES
    grep -qiE "^[[:space:]]*$1[[:space:]]*=[[:space:]]*[\"']?($2)[\"']?[[:space:]]*(#.*)?\$" "${BONGSU_ENV_FILE:-.env}" 2>/dev/null
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
    if ! "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes "$@"; then
        say "uv로 되지 않아 pip로 설치합니다 (조금 더 걸립니다)…" "uv failed; installing with pip (slower)…"
        "$venv/bin/python" -m pip install --quiet --require-hashes "$@"
    fi
}

if [ "$wanted" = runtime ]; then # each of these holds all of runtime, and what only a setting needs
    extras=
    if chosen SENTRY_ENABLED 'true|1|yes|on|t|y'; then extras=sentry; fi
    if chosen AI_ADVISOR 'llm|ensemble'; then extras="$extras${extras:+ }llm"; fi
    wanted=${extras:-runtime}
fi
installed dev && exit 0 # holds all of the others
# shellcheck disable=SC2086 # a list of locks
installed $wanted && exit 0

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
say "[3/4] 패키지를 설치하는 중 ($wanted, 해시로 고정)…" \
    "[3/4] installing packages ($wanted, pinned by hash)…"
for lock in $wanted; do set -- "$@" -r "requirements/$lock.txt"; done
shift # its own argument
install "$@"
say "[4/4] bongsu를 설치하는 중…" "[4/4] installing bongsu…"
"$venv/bin/uv" pip install --quiet --offline --python "$venv/bin/python" --no-deps --no-build-isolation -e .
# shellcheck disable=SC2086
fingerprint $wanted >"$(stamp $wanted)"
say "준비가 끝났습니다 ($(($(date +%s) - begun))초)." "Ready ($(($(date +%s) - begun)) s)."
