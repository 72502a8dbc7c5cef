"""The settings of the risk gate: part of the owner's Settings."""

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from bongsu.core.risk import RiskLimits

Percent = Annotated[Decimal, Field(gt=0, le=100)]


class RiskSettings(BaseSettings):
    stop_loss_percent: Percent = Field(
        Decimal(5), description="손절: 진입가 대비 이만큼 내리면 팝니다(%).|Stop-loss (% below entry)."
    )
    take_profit_percent: Percent = Field(
        Decimal(10), description="익절: 진입가 대비 이만큼 오르면 팝니다(%).|Take-profit (% above entry)."
    )
    stop_loss_atr: Annotated[Decimal, Field(ge=0, le=20)] = Field(
        Decimal(0),
        description="변동성 손절: 진입가에서 ATR(14시간 평균 변동폭)의 이 배수만큼 내려도 팝니다. STOP_LOSS_PERCENT보다 가까울 때만 쓰입니다. 0이면 끕니다."
        "|Stop by volatility: this many ATR (average true range of 14 hours) below the entry, where that is closer than STOP_LOSS_PERCENT. 0: off.",
    )
    trailing_stop: bool = Field(
        False,
        description="트레일링 스톱: 진입 뒤 최고가에서 TRAILING_STOP_ATR배의 ATR만큼 내리면 팝니다.|Trailing stop: sells TRAILING_STOP_ATR times the ATR below the highest price since the entry.",
    )
    trailing_stop_atr: Annotated[Decimal, Field(gt=0, le=20)] = Field(
        Decimal(2), description="트레일링 스톱의 거리(ATR의 배수).|Distance of the trailing stop, in ATR."
    )
    daily_loss_limit_percent: Percent = Field(
        Decimal(10), description="일일 손실 한도(%). 넘으면 다음 거래일까지 매수 중단.|Daily loss limit."
    )
    weekly_loss_limit_percent: Percent = Field(
        Decimal(15), description="주간 손실 한도(%). 넘으면 다음 월요일까지 매수 중단.|Weekly loss limit."
    )
    min_trade_interval_hours: Annotated[Decimal, Field(ge=0, le=168)] = Field(
        Decimal(4),
        description="같은 마켓에 다시 진입하기까지의 최소 시간.|Hours between entries of one market.",
    )
    max_trades_per_day: Annotated[int, Field(ge=1, le=1000)] = Field(
        5,
        description="거래일 하루의 최대 거래 횟수. 넘으면 매수하지 않습니다.|Trades per trading day; beyond it no buys.",
    )
    max_positions: Annotated[int, Field(ge=1, le=50)] = Field(
        3, description="동시에 보유하는 최대 마켓 수.|Markets held at once."
    )
    max_position_percent: Percent = Field(
        Decimal(40), description="한 마켓의 최대 비중(자산 대비 %).|Largest share of one market."
    )
    cash_reserve_percent: Annotated[Decimal, Field(ge=0, lt=100)] = Field(
        Decimal(10), description="항상 남겨 두는 현금(자산 대비 %).|Cash always kept."
    )
    buy_percent: Percent = Field(Decimal(30), description="한 번에 사는 최대 금액(자산 대비 %).|Largest buy.")
    min_buy_confidence: Annotated[Decimal, Field(ge=0, le=1)] = Field(
        Decimal("0.5"), description="매수에 필요한 최소 신뢰도(0~1).|Least confidence of a buy."
    )

    @property
    def risk_limits(self) -> RiskLimits:
        return RiskLimits(
            stop_loss=self.stop_loss_percent / 100,
            take_profit=self.take_profit_percent / 100,
            atr_stop=self.stop_loss_atr or None,
            trailing_atr=self.trailing_stop_atr if self.trailing_stop else None,
            daily_loss=self.daily_loss_limit_percent / 100,
            weekly_loss=self.weekly_loss_limit_percent / 100,
            min_trade_interval=timedelta(hours=float(self.min_trade_interval_hours)),
            max_trades_per_day=self.max_trades_per_day,
            max_positions=self.max_positions,
            max_position_share=self.max_position_percent / 100,
            cash_reserve=self.cash_reserve_percent / 100,
            buy_fraction=self.buy_percent / 100,
        )


def limits_as_text(limits: RiskLimits) -> dict[str, str]:
    return {name: "off" if value is None else str(value) for name, value in asdict(limits).items()}
