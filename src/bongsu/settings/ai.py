"""The settings of the AI advisors: part of the owner's Settings."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, assert_never

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bongsu.core.llm import Address, Tariff
from bongsu.core.money import Krw
from bongsu.settings.listed import split_commas

Provider = Literal["openai", "anthropic", "compatible"]
_PROVIDERS: dict[str, Provider] = {"openai": "openai", "anthropic": "anthropic", "compatible": "compatible"}
_MODEL = re.compile(r"(openai|anthropic|compatible):([A-Za-z0-9][\w.:/-]{0,99})")
_PRICE = re.compile(r"([\w.:/-]+)=(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    provider: Provider
    model: str
    tariff: Tariff

    @property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"


class AiSettings(BaseSettings):
    ai_advisor: Literal["rules", "llm", "ensemble"] = Field(
        "rules",
        description="판단을 내리는 조언자. rules: 내장 규칙. llm: AI 모델(실패하면 그 시간은 건너뜀). ensemble: AI 모델, 실패하면 내장 규칙이 매도만 판단.|The advisor. rules: built-in. llm: a model (its failure skips the hour). ensemble: a model, and when it fails the rules, on sells only.",
    )
    ai_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="물어볼 모델, 쉼표로 구분. 앞의 것이 답하지 못하면 다음 것에 묻습니다. openai:이름, anthropic:이름, compatible:이름(AI_BASE_URL의 서버).|Models to ask, comma separated: the next one when one does not answer. openai:NAME, anthropic:NAME, or compatible:NAME (the server at AI_BASE_URL).",
    )
    openai_api_key: SecretStr | None = Field(None, description="OpenAI의 API 키.|API key of OpenAI.")
    anthropic_api_key: SecretStr | None = Field(None, description="Anthropic의 API 키.|API key of Anthropic.")
    ai_base_url: str | None = Field(
        None,
        description="OpenAI와 같은 방식으로 말하는 서버(Ollama, vLLM, LM Studio): 예 http://127.0.0.1:11434/v1|A server that speaks OpenAI's wire (Ollama, vLLM, LM Studio), such as http://127.0.0.1:11434/v1.",
    )
    ai_api_key: SecretStr | None = Field(
        None, description="그 서버가 키를 요구할 때만.|Its key, where it wants one."
    )
    ai_output: Literal["native", "tool", "prompted"] = Field(
        "native",
        description="답을 받는 방식. native: 제공자의 JSON 스키마. tool: 도구 호출. prompted: 글로 부탁(작은 로컬 모델). 어느 쪽이든 답은 똑같이 검사합니다.|How answers are given. native: the provider's JSON schema. tool: a tool call. prompted: asked for in words (small local models). Checked all the same.",
    )
    ai_daily_budget_krw: Annotated[Decimal, Field(ge=0, le=10_000_000)] = Field(
        Decimal(2_000),
        description="거래일 하루에 모델에 쓸 수 있는 돈(원). 물어보기 전에 최대 비용을 먼저 떼어 두며, 넘으면 다음 거래일까지 묻지 않습니다.|Won a day for models. The most a call can cost is set aside before it is made; beyond the budget nothing is asked until the next trading day.",
    )
    ai_prices: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="모델의 가격, 백만 토큰당 원: 모델=입력/출력 또는 모델=입력/출력/캐시, 쉼표로 구분. AI_MODELS의 모든 모델에 필요합니다. 내 컴퓨터의 모델은 0/0.|Prices in won per million tokens: MODEL=input/output or MODEL=input/output/cached, comma separated; one for each of AI_MODELS. 0/0 for a model on your own machine.",
    )
    ai_blind: bool = Field(
        False,
        description="true면 모델에게 날짜와 가격을 감춥니다(가격은 1,000원 기준으로 바꿔 보여 줌). 기억하는 시세로 답하지 못하게 합니다.|true: dates and prices are hidden from the model (shown as if at 1,000 won), so that it cannot answer from memory.",
    )
    ai_deadline_seconds: Annotated[float, Field(ge=5, le=300)] = Field(
        90.0,
        description="고급: 한 종목의 조언을 기다리는 시간(초), 다른 모델과 고쳐 묻기를 모두 더해.|Advanced: seconds one market's advice may take, other models and the repair included.",
    )

    @field_validator("ai_models", "ai_prices", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(split_commas(value)))

    @field_validator("ai_models")
    @classmethod
    def _are_models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [n for n, name in enumerate(value, 1) if not _MODEL.fullmatch(name)]:
            raise ValueError(
                f"{wrong[0]}번째 값: openai:이름, anthropic:이름, compatible:이름 처럼 적어 주세요 "
                f"(value {wrong[0]}: openai:NAME, anthropic:NAME or compatible:NAME)"
            )
        return value

    @field_validator("ai_prices")
    @classmethod
    def _are_prices(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [n for n, price in enumerate(value, 1) if not _PRICE.fullmatch(price)]:
            raise ValueError(
                f"{wrong[0]}번째 값: 모델=입력/출력 처럼 백만 토큰당 원으로 적어 주세요. 예: gpt-x=400/2800 "
                f"(value {wrong[0]}: MODEL=input/output in won per million tokens)"
            )
        return value

    @property
    def model_choices(self) -> tuple[ModelChoice, ...]:
        """Of `ai_models`, in their order; none where none is to decide."""
        if self.ai_advisor == "rules":
            return ()
        tariffs = self._tariffs()
        return tuple(ModelChoice(provider, model, tariffs[model]) for provider, model in self._models())

    @property
    def model_names(self) -> tuple[str, ...]:
        return tuple(choice.name for choice in self.model_choices)

    @property
    def ai_budget(self) -> Krw:
        """Of a trading day; nothing where no model decides."""
        return Krw(self.ai_daily_budget_krw if self.ai_advisor != "rules" else Decimal(0))

    def model_address(self, choice: ModelChoice) -> Address:
        match choice.provider:
            case "openai":
                return Address("openai", _value(self.openai_api_key))
            case "anthropic":
                return Address("anthropic", _value(self.anthropic_api_key))
            case "compatible":
                # the library wants some key, and a server without one does not look at it
                return Address("openai", _value(self.ai_api_key) or "none", self.ai_base_url)
            case _:
                assert_never(choice.provider)

    def _models(self) -> list[tuple[Provider, str]]:
        named = (name.partition(":") for name in self.ai_models)
        return [(_PROVIDERS[provider], model) for provider, _, model in named]

    def _tariffs(self) -> dict[str, Tariff]:
        prices = [match for price in self.ai_prices if (match := _PRICE.fullmatch(price))]
        return {m[1]: Tariff(*(Krw(Decimal(m[n] or m[2])) for n in (2, 3, 4))) for m in prices}

    def ai_faults(self) -> list[str]:
        """What is missing once a model shall decide."""
        if self.ai_advisor == "rules":
            return []
        if not self.ai_models:
            return [f"AI_MODELS: AI_ADVISOR={self.ai_advisor} 에는 물어볼 모델이 필요합니다 (no model named)"]
        priced = self._tariffs()
        faults = [
            f"AI_PRICES: {model}의 가격이 없습니다. {model}=입력/출력 (백만 토큰당 원) 을 적어 주세요 (no price for {model})"
            for _, model in self._models()
            if model not in priced
        ]
        needs = {
            "openai": ("OPENAI_API_KEY", self.openai_api_key),
            "anthropic": ("ANTHROPIC_API_KEY", self.anthropic_api_key),
            "compatible": ("AI_BASE_URL", self.ai_base_url),
        }
        wanted = dict.fromkeys(provider for provider, _ in self._models())
        faults += [
            f"{needs[provider][0]}: {provider} 모델에 필요합니다 (needed for {provider} models)"
            for provider in wanted
            if needs[provider][1] is None
        ]
        return faults


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
