"""What the scripted model does wrong, on request: seeded, counted, replayable."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec

from bongsu.sandbox.ai.mind import Answer

Kind = Literal[
    # the status; for lateness and cut connections see the exchange's own switches, with path /ai/*
    "rate_limited",  # 429 with `retry_after`
    "error",  # `status`, in the provider's own words
    "slow_stream",  # a stream's pieces `seconds` apart
    # the body
    "not_json",  # an HTML page, with 200
    "half_body",  # the first half of the JSON
    "no_choice",  # sound, and without an answer in it
    # the text
    "literal",  # `text`, whatever was asked
    "prose",  # the advice in words
    "fenced",  # in a markdown fence
    "chatty",  # words before and after
    "cut",  # the first half, as if the limit of tokens had been reached
    "empty",
    "refusal",  # the model declines
    # the meaning
    "changed",  # `changes` over the sound answer
    "nan",  # NaN for its confidence
    "false_citation",  # the cited figure a tenth off
    "unseen",  # a figure cited that was not shown
    "repeats",  # the prompt comes back in the reason, canary and all
    # the bill
    "runaway",  # `tokens` billed
    "no_usage",  # nothing said of tokens
]


class Play(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Applies to questions to a model whose name matches (`*` as in a shell), from the `skip`-th match on."""

    kind: Kind
    model: str = "*"
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seed: int = 0
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 1
    tokens: Annotated[int, msgspec.Meta(ge=0)] = 1_000_000
    text: str = ""
    changes: dict[str, Any] = {}


@dataclass(slots=True)
class _Armed:
    play: Play
    dice: random.Random
    seen: int = 0
    hits: int = 0

    def strikes(self, model: str) -> bool:
        play = self.play
        if not fnmatchcase(model, play.model):
            return False
        self.seen += 1
        spent = play.count is not None and self.hits >= play.count
        if self.seen <= play.skip or spent or self.dice.random() >= play.probability:
            return False
        self.hits += 1
        return True


class Script:
    """The first play that strikes is played; equal scripts strike equal sequences of questions."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, plays: Sequence[Play]) -> None:
        """In place of the plays before."""
        self._armed = [_Armed(play, random.Random(f"{n}-{play.seed}")) for n, play in enumerate(plays)]

    def report(self) -> list[dict[str, Any]]:
        return [{**msgspec.to_builtins(a.play), "seen": a.seen, "hits": a.hits} for a in self._armed]

    def striking(self, model: str) -> Play | None:
        return next((armed.play for armed in self._armed if armed.strikes(model)), None)


def distort(answer: Answer, play: Play | None, prompt: str) -> str:
    """The text that the model gives in place of its sound answer."""
    sound = _json(answer)
    if play is None:
        return sound
    match play.kind:
        case "literal":
            return play.text
        case "repeats":
            return _json({**answer, "reasons": [{**reason, "text": prompt} for reason in answer["reasons"]]})
        case "changed":
            return _json({**answer, **play.changes})
        case kind:
            return _DISTORTIONS.get(kind, _json)(answer)


def _off(reason: Answer) -> Answer:
    return {**reason, "value": reason["value"] * 1.1 + 1}


def _json(answer: Answer) -> str:
    return msgspec.json.encode(answer).decode()


def _false(answer: Answer) -> str:
    return _json({**answer, "reasons": [_off(reason) for reason in answer["reasons"]]})


def _unseen(answer: Answer) -> str:
    return _json({**answer, "reasons": [{"text": "고래 매집", "indicator": "whale_flow", "value": 1.0}]})


_DISTORTIONS: dict[str, Callable[[Answer], str]] = {
    "empty": lambda _: "",
    "prose": lambda answer: f"{answer['market']}: {answer['action']}, 확신은 {answer['confidence']}입니다.",
    "fenced": lambda answer: f"```json\n{_json(answer)}\n```",
    "chatty": lambda answer: f"판단을 말씀드리겠습니다.\n{_json(answer)}\n도움이 되었기를 바랍니다.",
    "cut": lambda answer: _json(answer)[: len(_json(answer)) // 2],
    "nan": lambda answer: _json({**answer, "confidence": "NaN"}).replace('"NaN"', "NaN"),
    "false_citation": _false,
    "unseen": _unseen,
}
