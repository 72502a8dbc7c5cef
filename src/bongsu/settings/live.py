"""The settings of trading for real: part of the owner's Settings."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from bongsu.settings.channels import is_safe_url

UPBIT_API = "https://api.upbit.com"


class LiveSettings(BaseSettings):
    upbit_access_key: SecretStr | None = Field(
        None,
        description="업비트 Open API의 Access key. 권한은 자산조회, 주문조회, 주문하기만 켭니다. 출금 권한은 절대 켜지 마세요. 거래하는 스케줄러만 씁니다.|Upbit's access key, with the rights to view assets, view orders and make orders only, never to withdraw. Used by the scheduler alone.",
    )
    upbit_secret_key: SecretStr | None = Field(
        None, description="그 Secret key. 발급할 때 한 번만 보입니다.|Its secret key, shown once."
    )
    upbit_ip_allowlist_set: bool = Field(
        False,
        description="실거래에 필요: 업비트의 Open API 관리에서 이 컴퓨터의 공인 IP를 허용 IP로 등록했으면 true.|Needed for live: true once this machine's public address is on the key's allow-list at Upbit.",
    )
    upbit_no_withdraw_right: bool = Field(
        False,
        description="실거래에 필요: 키에 출금하기 권한이 없음을 직접 확인했으면 true. 출금조회 권한은 봇이 확인하지만, 출금하기 권한만 있는 키는 출금해 보지 않고는 알 수 없습니다.|Needed for live: true once you have seen for yourself that the key has no right to withdraw. The bot can detect the right to view withdrawals, but not one to withdraw alone.",
    )
    upbit_api_url: str = Field(
        UPBIT_API,
        description="고급: 업비트 API의 주소. https만 됩니다(이 컴퓨터 안은 http도).|Advanced: address of Upbit's API; https only (http on this machine).",
    )
    live_first_week_cap_krw: Annotated[Decimal, Field(ge=10_000, le=1_000_000)] = Field(
        Decimal(100_000),
        description="첫 실거래 시작부터 7일 동안 보유할 수 있는 총액(원). 첫 시작 때 원장에 적히며, 그 뒤에는 bongsu live lift-cap 으로만 풀립니다.|KRW that may be held in all during the first seven days of live trading. Written into the ledger at the first start; from then on only `bongsu live lift-cap` lifts it.",
    )

    @field_validator("upbit_api_url")
    @classmethod
    def _signed_requests_go_there(cls, value: str) -> str:
        if is_safe_url(value):
            return value.rstrip("/")
        raise ValueError("https:// 로 시작하는 주소를 적어 주세요 (an https address is needed)")
