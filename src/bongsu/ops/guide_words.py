"""What the tables of the guides say of a thing, Korean and English, where the thing itself does not say it."""

from bongsu.core.facts import JobName
from bongsu.core.risk import VetoReason

PROCESSES = {
    "postgres": ("원장", "the ledger"),
    "exchange": ("모의 거래소와 로컬 수신함", "the sandbox exchange and the local inbox"),
    "postgres-exporter": ("PostgreSQL의 상태를 메트릭으로", "the state of PostgreSQL as metrics"),
    "alertmanager": ("알람을 묶고 전달", "groups and delivers alarms"),
    "prometheus": ("10초마다 수집하고 규칙을 봄", "scrapes every 10 s, evaluates the rules"),
    "grafana": ("대시보드", "dashboards"),
    "backend": (
        "API, 메트릭, 상태 화면, 경보 접수, 텔레그램 대화",
        "API, metrics, status page, alarm intake, the owner's chat",
    ),
    "scheduler": ("거래하는 유일한 프로세스", "the only process that trades"),
}

JOBS = {
    JobName.RECONCILE: (
        "결과를 모르는 주문을 정산하고, 잔고를 거래소와 대조",
        "settles open orders, compares every balance with the exchange",
    ),
    JobName.POSITION: (
        "보유 종목의 손절·익절. AI를 거치지 않음",
        "stop-loss and take-profit of what is held; no AI",
    ),
    JobName.PORTFOLIO: (
        "자산 평가, 손실 한도 확인, 15분마다 곡선에 한 점",
        "values the portfolio, checks the loss limits; a point of the curve each 15 min",
    ),
    JobName.TRADING: ("거래 사이클 한 번", "one trading cycle"),
    JobName.DAILY_REPORT: (
        "끝난 거래일의 리포트. 주와 달이 끝났으면 그것도",
        "the report of the trading day that ended; of the week and month, too, when they end with it",
    ),
}

VETOES = {
    VetoReason.KILL_SWITCH: ("킬 스위치가 켜져 있음", "the kill switch is on"),
    VetoReason.PAUSED: ("일시 정지 중", "the bot is paused"),
    VetoReason.BREAKER_DAILY: ("일일 손실 한도", "the daily loss limit"),
    VetoReason.BREAKER_WEEKLY: ("주간 손실 한도", "the weekly loss limit"),
    VetoReason.BLIND: (
        "시계가 어긋났거나, 거래소가 점검 중이거나, 5분 넘게 마켓 상태를 모르거나, "
        "알람을 받을 수 없음(모의거래에서는 알람만으로 막지 않음)",
        "clock skew, exchange maintenance, market states unknown for over 5 min, "
        "or no alarm can arrive (the last blocks nothing in the sandbox)",
    ),
    VetoReason.LEDGER_MISMATCH: ("원장과 거래소 잔고가 다름", "ledger and exchange disagree"),
    VetoReason.OUTCOME_UNKNOWN: ("결과를 모르는 주문이 있음", "the outcome of an order is unknown"),
    VetoReason.EQUITY_UNKNOWN: ("총자산을 계산할 수 없음", "equity cannot be reckoned"),
    VetoReason.MIN_INTERVAL: (
        "같은 마켓의 직전 매수에서 최소 간격이 지나지 않음",
        "too soon after the market's last buy",
    ),
    VetoReason.FIRST_WEEK_CAP: (
        "실거래 첫 주의 보유 한도",
        "the first week with real money has a cap on what is held",
    ),
    VetoReason.MAX_DAILY: ("거래일의 최대 거래 횟수", "trades of the trading day are used up"),
    VetoReason.MAX_POSITIONS: ("동시 보유 한도", "as many markets are held as may be"),
    VetoReason.ORDER_SIZE: ("1회 매수 한도를 넘음", "more than one buy may spend"),
    VetoReason.POSITION_SIZE: ("한 마켓의 비중 한도를 넘음", "more than one market may weigh"),
    VetoReason.CASH_RESERVE: ("예비 현금이 모자라게 됨", "too little cash would be left"),
    VetoReason.BELOW_MINIMUM: ("최소 주문 금액보다 적음", "less than the smallest order"),
    VetoReason.NO_DEPTH: ("호가창이 얇음", "the order book is too thin"),
    VetoReason.MARKET_OFFLINE: ("거래소가 그 마켓의 거래를 멈춤", "the exchange has the market offline"),
    VetoReason.MARKET_STATE: (
        "유의 종목이거나, 거래가 중단되었거나, 상장되어 있지 않음",
        "under the exchange's warning, suspended, or not listed",
    ),
    VetoReason.EXTERNAL: (
        "봇의 주문이 아닌 변동이 있었고, 주인이 아직 확인(bongsu ack)하지 않음",
        "moved from outside, and not acknowledged yet (bongsu ack)",
    ),
    VetoReason.NOTHING_HELD: ("팔 것이 없음", "nothing is held"),
    VetoReason.OVERSELL: ("보유보다 많이 팔려 함", "more than is held"),
}

# The English ones are the comments of the tables themselves.
TABLES = {
    "adoptions": "봇의 주문이 아닌 변동을 원장에 받아들인 기록. 주인이 확인할 때까지 그 마켓은 사지 않습니다.",
    "alerts": "Alertmanager가 전한 알람.",
    "backups": "매일 하는 백업. 끝까지 다시 읽어 본 것만 적습니다. 오래된 파일은 지워도 줄은 남습니다.",
    "breakers": "손실 한도(서킷브레이커). 매수를 막고, 재시작해도 남고, 때가 되면 저절로 풀립니다.",
    "candles": "판단에 쓴, 닫힌 캔들. 거래가 없던 시간은 채워 넣고 synthetic으로 표시합니다.",
    "cash": "우리 장부로 본 원화 잔고: 들어온 돈, 산 돈, 판 돈, 수수료.",
    "chat_languages": "대화별 답변 언어, 설정과 다를 때만.",
    "commands_heard": "들은 텔레그램 메시지. 같은 것이 다시 오면 무시합니다. 무슨 말이었는지는 events에 있습니다.",
    "controls": "주인이 부탁한 일: 누가, 왜. 스케줄러가 실행합니다.",
    "daily_reports": "거래일마다 리포트 하나.",
    "decisions": "조언자가 본 것과 한 말, 받아들였는지. 거절했다면 refusal이 이유입니다.",
    "llm_calls": "모델에 물은 모든 질문과 답. 비용을 알기 전까지는 reserved_krw가 그 자리를 대신합니다.",
    "deliveries": "메시지가 둘째 경로로 가는 길. 차례와 시도와 끝이 따로 있습니다.",
    "events": "오류, 상태 변화, 제어: 누가, 무엇을, 왜.",
    "fills": "체결. 기본 키가 거래소의 체결 uuid라서 두 번 적히지 않습니다.",
    "funds_moved": "입금, 출금, 앱에서 직접 한 거래: 외부의 것이며 봇의 수익이 아닙니다.",
    "heartbeats": "프로세스마다 이벤트 루프에서 5초마다 씁니다. 루프가 막히면 죽은 것으로 보입니다.",
    "job_runs": "작업 실행마다 한 줄. 한 작업은 한 예정 시각에 한 번뿐입니다(손으로 부탁한 실행은 그 제어의 번호를 답니다).",
    "jobs": "스케줄러의 작업. 간격과 제한 시간은 실제 시간, 다음 차례는 시장 시간입니다.",
    "lease_renewals": "지금의 리더가 마지막으로 갱신한 때. 비어 있으면 내려놓은 것입니다.",
    "leases": "누가 이끄는가. epoch은 넘겨받을 때만 오릅니다.",
    "live_start": "실거래를 처음 시작한 때와 그 확인, 첫 주에 보유할 수 있는 총액.",
    "maintenance": "예고한 재시작. ends_at에 저절로 끝납니다.",
    "market_freshness": "읽었을 때 가장 새 시세가 얼마나 오래되었나(실제 초).",
    "market_states": "설정했거나 보유한 마켓을 거래소가 마지막으로 어떻게 두었나. active인 마켓만 삽니다.",
    "metric_counter": "카운터. 세는 사실과 같은 트랜잭션에서 오르고, 줄지 않습니다.",
    "mutes": "주인이 듣지 않기로 한 알람. 저절로 끝납니다.",
    "notifications": "발신함. 메시지는 그것이 전하는 사실과 함께 적히고 차례로 나갑니다.",
    "order_intents": "하려던 주문. 보내기 전에 적습니다.",
    "orders": "거래소가 말한, 끝난 주문. realized는 매도가 낸 실현손익(수수료를 뺀 값)입니다.",
    "pauses": "매수를 멈춘 이유. 비어 있으면 거래 중입니다.",
    "periods": "거래일과 주가 시작할 때의 자산(그때의 첫 평가). 손익을 이것과 견줍니다.",
    "portfolio": "가장 새 자산 평가.",
    "portfolio_snapshots": "자산 곡선: 시장 시간 15분마다 한 줄.",
    "positions": "보유 종목, 평균 단가(수수료 포함). price는 마지막으로 평가한 값입니다.",
    "switches": "킬 스위치와 위험 게이트가 알아야 할 것. 주문을 적는 트랜잭션이 잠급니다.",
    "watchdog": "늘 울리는 알람이 마지막으로 온 때. 알람이 온다는 증거입니다.",
    "world": "이 원장이 어느 세계의 것인가. 두 세계가 원장을 나누지 않습니다.",
}
