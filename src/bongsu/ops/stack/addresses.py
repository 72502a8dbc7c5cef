"""The addresses a new owner wants to open, as they really answer."""

from bongsu.ops.language import say
from bongsu.ops.stack import grafana
from bongsu.ops.stack.native import Native
from bongsu.ops.stack.probes import http_ready
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.supervisor import State, Supervisor


async def print_addresses(native: Native, supervisor: Supervisor, progress: Progress) -> None:
    rows = [
        (say("상태 화면", "status page"), f"{native.url('backend')}/"),
        (say("API 문서", "API documents"), f"{native.url('backend')}/docs"),
        (say("지표", "metrics"), f"{native.url('backend')}/metrics"),
    ]
    if _is_ready(supervisor, "prometheus"):
        classic = await _classic_prefix(native.places.port(9090))
        rows.append((say("수집 대상", "scrape targets"), f"{native.url('prometheus')}{classic}/targets"))
        rows.append((say("알람 규칙", "alert rules"), f"{native.url('prometheus')}{classic}/alerts"))
    if _is_ready(supervisor, "alertmanager"):
        rows.append(("Alertmanager", native.url("alertmanager")))
    if _is_ready(supervisor, "grafana"):
        rows.append(("Grafana", native.url("grafana")))
    progress.line("")
    for title, url in rows:
        progress.line(f"{title:<12} {url}")
    if "grafana" not in supervisor.services:
        progress.line(grafana.absence(f"{native.url('backend')}/"))
    progress.line(
        say(
            "상태: bongsu ps · 로그: bongsu logs scheduler -f · 받은 알림: bongsu inbox (.venv/bin/bongsu)",
            "state: bongsu ps · logs: bongsu logs scheduler -f · messages: bongsu inbox (.venv/bin/bongsu)",
        )
    )


def _is_ready(supervisor: Supervisor, name: str) -> bool:
    return name in supervisor.services and supervisor.services[name].state is State.READY


async def _classic_prefix(port: int) -> str:
    """Debian's build has no new user interface; its old one lives under /classic."""
    return "" if await http_ready(port, "/targets")() else "/classic"
