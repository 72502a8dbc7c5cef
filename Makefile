# `make` shows what there is. ARGS goes to the program: make up ARGS="--port-offset 100"
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up replay test mutants alarms reports outage kills replies ring canaries dashboards chat-pictures docker-lint check bench fmt lock clean

BIN := .venv/bin
ARGS ?=
# one more than cores: many tests wait for a lease, a scrape or a clock
WORKERS ?= $(shell echo $$(($$(nproc 2>/dev/null || echo 2) + 1)))

help: ## 이 목록 (this list)
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

up: ## 모두 준비하고 모의거래로 실행, Ctrl-C로 끝 (prepare everything and run it in sandbox mode)
	@scripts/bootstrap.sh runtime
	@exec $(BIN)/bongsu up $(ARGS)

replay: ## 캔들 파일을 끝까지 재생하고 대조 (play a file in lock-step: make replay ARGS="--candles FILE")
	@scripts/bootstrap.sh runtime
	@exec $(BIN)/bongsu replay $(ARGS)

test: ## 실제 서버로 모든 시험 (the whole test suite, with the real servers)
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@$(BIN)/python scripts/fetch_clients.py >/dev/null
	@$(BIN)/pytest -n $(WORKERS) $(ARGS)

mutants: ## 알람 규칙을 한 곳씩 망가뜨려 증명이 모두 알아차리는지 (break every alert rule in every place)
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@$(BIN)/pytest tests/rules/all_mutants.py -n $(WORKERS) -q $(ARGS)

alarms: ## 30일 × 씨앗 5개의 모의 생활로 거짓 알람 찾기 (false alarms over simulated months: make alarms ARGS="--days 3 --seeds 1")
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@PYTHONPATH=tests $(BIN)/python -m alarms.campaign $(ARGS)

check: ## 형식, 타입, 구조 검사 (lint, types, architecture)
	@scripts/bootstrap.sh dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

docker-lint: ## Dockerfile과 compose 파일 검사 (lint them; the compose files need npm)
	@scripts/bootstrap.sh dev
	$(BIN)/hadolint Dockerfile
	$(BIN)/python scripts/lint_compose.py

bench: ## 메모리와 속도 측정 (memory and speed)
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@$(BIN)/pytest tests/benchmarks/bench_*.py -p no:xdist -s -q $(ARGS)

reports: ## 30일 × 이야기 5개의 리포트를 원 단위로 대조 (the reports of thirty days, five stories, to the won)
	@scripts/bootstrap.sh dev
	@$(BIN)/pytest tests/ledger/all_reports.py -n $(WORKERS) -q $(ARGS)

outage: ## 텔레그램이 한 시간 끊기고 보내는 쪽이 100번 죽어도 다 오는지, 약 15분 (an hour without Telegram, 100 kills; OUTAGE_HOUR=3600 for a real one)
	@scripts/bootstrap.sh dev
	@$(BIN)/pytest tests/campaigns/whole_outage.py -n 0 -s -q $(ARGS)

kills: ## 거래 중인 봇을 5,000번 죽여도 잃거나 두 번 낸 주문이 없는지, 약 10분 (killed while it trades: make kills ARGS="--count 50000 --resume")
	@scripts/bootstrap.sh dev
	@PYTHONPATH=tests $(BIN)/python -m campaigns.kills $(ARGS)

replies: ## 거래소의 잘못된 응답 10만 개를 읽어도 지어낸 값이 없는지, 약 2분 (garbled replies: nothing invented, no crash)
	@scripts/bootstrap.sh dev
	@PYTHONPATH=tests $(BIN)/python -m campaigns.replies $(ARGS)

ring: ## 일부러 고장 내고 알람이 오는 시간을 잼, 약 30분 (break stacks and time the alarms: make ring ARGS="SchedulerDown")
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@PYTHONPATH=tests $(BIN)/python -m campaigns.alarm_latency $(ARGS)

canaries: ## 심어 둔 비밀 값이 어디로도 나오지 않는지 (planted secrets come out nowhere; the stack's part needs root, for a network of its own)
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/fetch_alarm_tools.py
	@BONGSU_CANARIES_ONE_IN=1 $(BIN)/pytest tests/canaries -p no:xdist -s -q
	@PYTHONPATH=tests $(BIN)/python -m campaigns.canaries $(ARGS) || [ $$? = 69 ]

dashboards: ## 대시보드를 새로 쓰고, Grafana의 타입으로 확인하고, 도는 스택으로 그림 (write, type-check and picture them; needs npm, chromium)
	@scripts/bootstrap.sh dev
	@$(BIN)/python -m bongsu.monitoring.dashboards
	@$(BIN)/python scripts/check_dashboards.py
	@$(BIN)/python scripts/render_dashboards.py $(ARGS) || [ $$? = 69 ]

chat-pictures: ## 메시지마다 휴대폰에 보이는 모습을 그림 (every message as a phone shows it; ARGS="--guide" for the guide; needs chromium and fonts)
	@scripts/bootstrap.sh dev
	@$(BIN)/python scripts/render_chat.py $(ARGS) || [ $$? = 69 ]

fmt: ## 소스 정리 (format the sources)
	@scripts/bootstrap.sh dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## 의존성 잠금 파일을 새로 만듦 (renew the locks)
	@scripts/bootstrap.sh dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		requirements/tools.in -o requirements/tools.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --extra sentry -c requirements/runtime.txt -o requirements/sentry.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --extra llm -c requirements/sentry.txt -o requirements/llm.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --extra sentry --extra llm -c requirements/llm.txt --no-emit-package fasteners --no-emit-package platformdirs \
		--no-emit-package psutil -o requirements/container.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --extra sentry --extra llm --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		requirements/clients.in -o requirements/clients.txt

clean: ## 캐시와 가상 환경을 지움, 거래 기록은 남김 (remove caches and .venv; the ledger stays)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks build src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
