"""Is the exchange closed? It answers 503 to everything while it is maintained, whether that was announced or not."""

from collections import deque

CLOSED = 503
_REPLIES = 3  # in a row, from more than one endpoint
_GOOD = 2  # replies in a row after which it is open again


class Closing:
    def __init__(self) -> None:
        self._refused: deque[str] = deque(
            maxlen=_REPLIES
        )  # endpoints that answered 503 last, without another answer between
        self._good = 0
        self.closed = False

    @property
    def refused_last(self) -> str | None:
        """The endpoint that answered 503 last, while that is the last that was heard."""
        return self._refused[-1] if self._refused else None

    @property
    def suspected(self) -> bool:
        """Whether it is worth asking: closed, or not heard of since a 503."""
        return self.closed or bool(self._refused)

    def note(self, endpoint: str, status: int) -> None:
        if status == CLOSED:
            self._good = 0
            self._refused.append(endpoint)
            everything = len(self._refused) == _REPLIES and len(set(self._refused)) > 1
            self.closed = self.closed or everything
            return
        self._refused.clear()
        self._good += 1
        if self._good >= _GOOD:
            self.closed = False
