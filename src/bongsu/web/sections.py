"""The parts of the status page, top to bottom."""

from collections.abc import Sequence
from decimal import Decimal

from bongsu.adapters.telegram.text import render_parts
from bongsu.core.channels import CHANNEL_NAMES, Channel
from bongsu.core.figures import kst_text, percent_text, price_text, signed_won_text, volume_text, won_text
from bongsu.core.money import Price
from bongsu.settings import Wiring
from bongsu.web import schemas
from bongsu.web.markup import Html, fill, join
from bongsu.web.words import NOT_ACTIVE, Words

_NOTHING_KNOWN = "–"
_ACTIONS = {"buy": ("매수", "buy"), "sell": ("매도", "sell"), "hold": ("관망", "hold")}
_OUTCOMES = {"rejected": ("검증 거부", "refused"), "skipped": ("건너뜀", "skipped")}
_RUNS = {"success": ("성공", "success"), "failure": ("실패", "failure"), "skipped": ("건너뜀", "skipped")}
_DELIVERY = {
    "pending": ("대기", "waiting"),
    "held": ("모으는 중", "held"),
    "merged": ("묶어서 전송", "told together"),
    "sent": ("전송됨", "sent"),
    "dead": ("전송 실패", "given up"),
    "spared": ("필요 없음", "not needed"),
}
_JOBS = {
    "trading_job": ("거래 판단", "trading"),
    "position_job": ("손절·익절 확인", "stop check"),
    "portfolio_job": ("자산 평가", "valuation"),
    "reconcile_job": ("거래소 대조", "reconciliation"),
    "daily_report_job": ("일일 리포트", "daily report"),
}
_HEADLINES = {
    "deciding": ("지금 판단하고 있습니다", "Deciding now"),
    "waiting": ("정상 동작 중입니다", "Running"),
    "alarmed": ("동작 중이지만 알람이 울리고 있습니다", "Running, and an alarm is firing"),
    "blocked": ("매수를 멈추고 있습니다", "Buying is stopped"),
}
_NOT_RUNNING = {"scheduler_never_started", "scheduler_silent"}


def ledger_away(words: Words) -> Html:
    return fill(
        '<section class="state blocked"><h2>{title}</h2><p>{text}</p></section>',
        title=words.say("원장을 읽을 수 없습니다", "The ledger cannot be read"),
        text=words.say(
            "데이터베이스가 응답하지 않습니다. 돌아올 때까지 새 주문은 나가지 않습니다. bongsu ps 로 postgres를 확인하세요.",
            "The database does not answer. No new order goes out until it is back. Look at postgres: bongsu ps.",
        ),
    )


def state(status: schemas.Status, words: Words) -> Html:
    kind = "alarmed" if status.firing and status.state != "blocked" else status.state
    if any(idle.reason in _NOT_RUNNING for idle in status.idle):
        headline = words.say("봇이 돌고 있지 않습니다", "The bot is not running")
    else:
        headline = words.say(*_HEADLINES[kind])
    reasons = join(fill("<li>{text}</li>", text=idle.text) for idle in status.idle)
    market_now = status.portfolio.at
    return fill(
        '<section class="state {kind}"><h2>{headline}</h2><ul>{reasons}</ul><p class="quiet">{clock}</p></section>',
        kind=kind,
        headline=headline,
        reasons=reasons,
        clock=words.say("마지막 평가의 시장 시각: ", "Market time of the last valuation: ")
        + kst_text(market_now)
        if market_now
        else "",
    )


def alarms(firing: Sequence[schemas.Alert], words: Words) -> Html:
    title = words.say("울리고 있는 알람", "Firing alarms")
    if not firing:
        return _section(title, _empty(words.say("없습니다.", "None.")))
    items = join(
        fill(
            '<li class="alarm {severity}"><strong>{name}</strong> <span>{summary}</span>'
            '<p>{description}</p><p class="quiet">{since} {at}{runbook}</p></li>',
            severity=alert.severity,
            name=alert.name,
            summary=alert.summary,
            description=alert.description,
            since=words.say("시작", "since"),
            at=kst_text(alert.starts_at),
            runbook=_runbook(alert, words),
        )
        for alert in firing
    )
    return _section(title, fill('<ul class="plain">{items}</ul>', items=items))


def _runbook(alert: schemas.Alert, words: Words) -> Html:
    if not alert.runbook_page:
        return Html("")
    link = ' · <a href="{page}">{name}</a>'
    return fill(link, page=alert.runbook_page, name=words.say("대응 방법", "Runbook"))


def portfolio(held: schemas.Portfolio, words: Words) -> Html:
    title = words.say("포트폴리오", "Portfolio")
    if held.equity is None or held.cash is None:
        return _section(title, _empty(words.say("아직 평가하지 않았습니다.", "Not valued yet.")))
    profits = {profit.scope: profit for profit in held.profits}
    tiles = [
        _tile(words.say("총 평가액", "Equity"), _won(held.equity, words)),
        _tile(words.say("현금", "Cash"), _won(held.cash, words)),
        _tile(words.say("오늘 손익", "Today"), *_profit(profits.get("daily"), words)),
        _tile(words.say("이번 주 손익", "This week"), *_profit(profits.get("weekly"), words)),
        _tile(words.say("실현 손익", "Realised"), _signed(held.realized, words), tone=_tone(held.realized)),
        _tile(words.say("고점 대비", "From peak"), _drawdown(held.drawdown)),
    ]
    note = words.say("5분 넘게 갱신되지 않은 값입니다.", "Over five minutes old.") if held.stale else ""
    return _section(
        title,
        fill('<div class="tiles">{tiles}</div><p class="warn">{note}</p>', tiles=join(tiles), note=note),
    )


def _market(position: schemas.Position, words: Words) -> str:
    flag = NOT_ACTIVE.get(position.market_state) if position.market_state else None
    return f"{position.market} ({words.say(*flag)})" if flag else position.market


def positions(held: Sequence[schemas.Position], words: Words) -> Html:
    rows = [
        (
            _market(position, words),
            volume_text(position.volume),
            price_text(Price(position.entry_price)),
            price_text(Price(position.price)) if position.price else _NOTHING_KNOWN,
            won_text(position.value) if position.value is not None else _NOTHING_KNOWN,
            _ratio(position.unrealized_ratio),
        )
        for position in held
    ]
    heads = (
        words.say("마켓", "Market"),
        words.say("수량", "Volume"),
        words.say("평균 단가", "Entry"),
        words.say("현재가", "Price"),
        words.say("평가액", "Value"),
        words.say("수익률", "Profit"),
    )
    return _section(
        words.say("보유", "Positions"),
        _table(heads, rows, words.say("보유한 코인이 없습니다.", "Nothing is held.")),
    )


def decisions(made: Sequence[schemas.Decision], words: Words) -> Html:
    title = words.say("최근 판단", "Last decisions")
    if not made:
        return _section(title, _empty(words.say("아직 판단하지 않았습니다.", "None yet.")))
    items = join(_decision(decision, words) for decision in made)
    return _section(title, fill('<ul class="plain">{items}</ul>', items=items))


def trades(made: Sequence[schemas.Trade], words: Words) -> Html:
    heads = (
        words.say("시각", "Time"),
        words.say("마켓", "Market"),
        words.say("거래", "Side"),
        words.say("가격", "Price"),
        words.say("총액", "Total"),
        words.say("근거", "Reason"),
    )
    rows = [
        (
            kst_text(trade.created_at),
            trade.market,
            _chip(trade.side, words),
            price_text(Price(trade.price)),
            won_text(trade.executed_funds),
            trade.reason or words.say("직접 거래", "by hand"),
        )
        for trade in made
    ]
    return _section(
        words.say("최근 거래", "Last trades"),
        _table(heads, rows, words.say("아직 거래가 없습니다.", "None yet.")),
    )


def messages(sent: Sequence[schemas.Notification], words: Words) -> Html:
    title = words.say("최근 알림", "Last messages")
    if not sent:
        return _section(title, _empty(words.say("아직 없습니다.", "None yet.")))
    items = join(
        fill(
            '<li class="message"><pre>{text}</pre><p class="quiet">{state} · {at}</p></li>',
            text=_as_sent(message.text),
            state=_delivered(message, words),
            at=kst_text(message.created_at),
        )
        for message in sent
    )
    return _section(title, fill('<ul class="plain messages">{items}</ul>', items=items))


def _delivered(message: schemas.Notification, words: Words) -> str:
    """On Telegram or the local inbox first, then on each second channel by its name."""
    second = (
        f"{words.say(*CHANNEL_NAMES[Channel(way.channel)])}: {words.say(*_DELIVERY[way.state])}"
        for way in message.deliveries
    )
    return " · ".join((words.say(*_DELIVERY[message.state]), *second))


def machinery(status: schemas.Status, words: Words) -> Html:
    alive = [
        (
            process.process,
            words.say("동작 중", "alive") if process.alive else words.say("응답 없음", "silent"),
            kst_text(process.beat_at),
            words.say("거래 담당", "leads") if status.leader == process.instance else "",
        )
        for process in status.processes
    ]
    jobs = [
        (
            words.say(*_JOBS.get(job.name, (job.name, job.name))),
            _run(job, words),
            kst_text(job.started_at) if job.started_at else _NOTHING_KNOWN,
            job.reason or "",
        )
        for job in status.jobs
    ]
    process_heads = (
        words.say("프로세스", "Process"),
        words.say("상태", "State"),
        words.say("마지막 신호", "Last sign of life"),
        words.say("역할", "Role"),
    )
    job_heads = (
        words.say("작업", "Job"),
        words.say("마지막 결과", "Last run"),
        words.say("시작", "Started"),
        words.say("비고", "Note"),
    )
    nothing = words.say("아직 없습니다.", "None yet.")
    tables = (_table(process_heads, alive, nothing), _table(job_heads, jobs, nothing))
    return _section(words.say("프로세스와 작업", "Processes and jobs"), join(tables))


def links(wiring: Wiring, words: Words) -> Html:
    prometheus = f"http://127.0.0.1:{wiring.port(9090)}{'/classic' if wiring.classic_prometheus else ''}"
    targets = (
        (words.say("API 문서", "API"), "/docs"),
        (words.say("준비 상태", "Readiness"), "/ready"),
        (words.say("메트릭", "Metrics"), "/metrics"),
        (words.say("수집 대상", "Targets"), f"{prometheus}/targets"),
        (words.say("알림 규칙", "Rules"), f"{prometheus}/rules"),
        (words.say("알림 상태", "Alerts"), f"{prometheus}/alerts"),
        ("Alertmanager", f"http://127.0.0.1:{wiring.port(9093)}/"),
    )
    items = join(fill('<a href="{to}">{name}</a>', name=name, to=to) for name, to in targets)
    return fill("<nav>{items}</nav>", items=items)


def _decision(decision: schemas.Decision, words: Words) -> Html:
    said = _chip(decision.action, words) if decision.action else Html("")
    judged = words.say(*_OUTCOMES[decision.outcome]) if decision.outcome in _OUTCOMES else ""
    return fill(
        "<li><p><strong>{market}</strong> {said} <span>{label}</span> <em>{judged}</em>"
        ' <span class="quiet">{at}</span></p><p>{reasons}</p><p class="warn">{refusal}</p></li>',
        market=decision.market,
        said=said,
        label=decision.confidence_label or "",
        judged=judged,
        at=kst_text(decision.at),
        reasons=", ".join(reason.text for reason in decision.reasons),
        refusal=decision.refusal_detail or "",
    )


def _section(title: str, body: Html) -> Html:
    return fill("<section><h2>{title}</h2>{body}</section>", title=title, body=body)


def _empty(text: str) -> Html:
    return fill('<p class="quiet">{text}</p>', text=text)


def _tile(name: str, value: str, note: str = "", tone: str = "") -> Html:
    return fill(
        '<div class="tile"><span class="quiet">{name}</span><strong class="{tone}">{value}</strong>'
        '<span class="{tone}">{note}</span></div>',
        name=name,
        value=value,
        note=note,
        tone=tone,
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> Html:
    if not rows:
        return _empty(nothing)
    head = join(fill("<th>{name}</th>", name=name) for name in heads)
    return fill(
        '<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>',
        head=head,
        rows=join(_row(heads, cells) for cells in rows),
    )


def _row(heads: Sequence[str], cells: Sequence[str]) -> Html:
    """Each cell carries its column's name: on a phone a row is a card."""
    named = (
        fill('<td data-name="{name}">{cell}</td>', name=name, cell=cell)
        for name, cell in zip(heads, cells, strict=True)
    )
    return fill("<tr>{cells}</tr>", cells=join(named))


def _chip(action: str, words: Words) -> Html:
    return fill('<span class="chip {kind}">{name}</span>', kind=action, name=words.say(*_ACTIONS[action]))


def _won(amount: Decimal, words: Words) -> str:
    return words.say(f"{won_text(amount)}원", f"{won_text(amount)} KRW")


def _signed(amount: Decimal, words: Words) -> str:
    return words.say(f"{signed_won_text(amount)}원", f"{signed_won_text(amount)} KRW")


def _profit(profit: schemas.Profit | None, words: Words) -> tuple[str, str, str]:
    if profit is None:
        return _NOTHING_KNOWN, "", ""
    note = f"{percent_text(profit.ratio)}%" if profit.ratio is not None else ""
    return _signed(profit.profit, words), note, _tone(profit.profit)


def _drawdown(ratio: Decimal | None) -> str:
    return f"{percent_text(-ratio)}%" if ratio is not None else _NOTHING_KNOWN


def _ratio(ratio: Decimal | None) -> Html:
    if ratio is None:
        return Html(_NOTHING_KNOWN)
    return fill('<span class="{tone}">{text}%</span>', tone=_tone(ratio), text=percent_text(ratio))


def _tone(amount: Decimal) -> str:
    if amount == 0:
        return ""
    return "up" if amount > 0 else "down"


def _run(job: schemas.Job, words: Words) -> str:
    if job.run_id is None:
        return _NOTHING_KNOWN
    return words.say(*_RUNS[job.outcome]) if job.outcome else words.say("실행 중", "running")


def _as_sent(text: str) -> Html:
    """A message as the owner's Telegram shows it."""
    return join(Html(part.html) for part in render_parts(text))
