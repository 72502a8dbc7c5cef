"""One model of one provider: asked once, in one of three forms, its failures named.

pydantic-ai speaks the wires; retries, deadlines, repairs and the bill stay with us.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from bongsu.core.llm import Address, CallOutcome, Prompt, Reply, Tariff, Usage
from bongsu.errors import ModelFailed

Form = Literal["native", "tool", "prompted"]

_TOOL = "advise"
# The owner chooses the form; a list of models that the library knows would be old for every new one.
_PROFILE = ModelProfile(supports_json_schema_output=True)
_CONNECT = 10.0  # seconds
_UNBILLED = range(400, 500)  # refused before anything was thought


class PydanticAiModel:
    """`schema` is what the answer must fit; a provider that promises to enforce it is checked all the same."""

    def __init__(
        self,
        name: str,
        address: Address,
        tariff: Tariff,
        form: Form,
        schema: Mapping[str, Any],
        timeout: float,
    ) -> None:
        self.name = name
        self.tariff = tariff
        self._model = _open(name.partition(":")[2], address, timeout)
        self._parameters = _parameters(form, dict(schema))

    async def ask(self, prompt: Prompt, max_written: int) -> Reply:
        """Raises ModelFailed."""
        asked = ModelRequest(parts=[SystemPromptPart(prompt.system), UserPromptPart(prompt.user)])
        settings = ModelSettings(max_tokens=max_written, temperature=0.0)
        try:
            response = await model_request(
                self._model, [asked], model_settings=settings, model_request_parameters=self._parameters
            )
        except ModelHTTPError as refused:
            raise _refused(refused) from refused
        except ModelAPIError as lost:
            raise _lost(lost) from lost
        except asyncio.CancelledError:
            raise
        except (
            Exception
        ) as odd:  # a hostile body fails anywhere inside the libraries; each way is a failed call
            raise ModelFailed(CallOutcome.MALFORMED, f"{type(odd).__name__}: {str(odd)[:300]}") from odd
        return _reply(response)


def _open(name: str, address: Address, timeout: float) -> Model:
    http = httpx2.AsyncClient(timeout=httpx2.Timeout(timeout, connect=_CONNECT))
    if address.wire == "anthropic":
        anthropic = AsyncAnthropic(
            api_key=address.key, base_url=address.base_url, max_retries=0, http_client=http
        )
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=anthropic), profile=_PROFILE)
    openai = AsyncOpenAI(api_key=address.key, base_url=address.base_url, max_retries=0, http_client=http)
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=openai), profile=_PROFILE)


def _parameters(form: Form, schema: dict[str, Any]) -> ModelRequestParameters:
    match form:
        case "native":
            wanted = OutputObjectDefinition(json_schema=schema, name="advice", strict=True)
            return ModelRequestParameters(output_mode="native", output_object=wanted)
        case "tool":
            tool = ToolDefinition(name=_TOOL, parameters_json_schema=schema, kind="output", strict=True)
            return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
        case "prompted":
            return ModelRequestParameters()


def _refused(refused: ModelHTTPError) -> ModelFailed:
    outcome = CallOutcome.RATE_LIMITED if refused.status_code == 429 else CallOutcome.ERROR
    return ModelFailed(outcome, f"HTTP {refused.status_code}", unbilled=refused.status_code in _UNBILLED)


def _lost(lost: ModelAPIError) -> ModelFailed:
    late = isinstance(lost.__cause__, TimeoutError) or "timed out" in str(lost).lower()
    outcome = CallOutcome.TIMEOUT if late else CallOutcome.ERROR
    return ModelFailed(outcome, str(lost)[:300])


def _reply(response: ModelResponse) -> Reply:
    """Raises ModelFailed."""
    said = [part.content for part in response.parts if isinstance(part, TextPart)]
    called = [part.args_as_json_str() for part in response.parts if isinstance(part, ToolCallPart)]
    if len(called) > 1 or not (called or said):
        raise ModelFailed(CallOutcome.MALFORMED, f"{len(called)} calls and {len(said)} texts in the answer")
    text = called[0] if called else "".join(said)
    return Reply(text, _usage(response), response.finish_reason == "length")


def _usage(response: ModelResponse) -> Usage | None:
    usage = response.usage
    if not usage.input_tokens and not usage.output_tokens:
        return None
    return Usage(usage.input_tokens, usage.output_tokens, min(usage.cache_read_tokens, usage.input_tokens))
