"""What a fault switch answers in the place of the exchange, or of the Telegram stand-in."""

from bongsu.sandbox import wire
from bongsu.sandbox.fault_rules import Rule


def refusal(rule: Rule, path: str) -> wire.Json:
    status, name = _named(rule)
    if path.startswith("/telegram/"):
        return _telegram_error(status, rule)
    message = f"fault switch: {rule.kind}"
    if rule.kind == "banned":
        message = f"너무 많은 요청으로 {rule.seconds:.0f}초 동안 차단되었습니다."
    return wire.Json({"error": {"name": name, "message": message}}, status)


def _named(rule: Rule) -> tuple[int, str]:
    match rule.kind:
        case "rate_limited":
            return 429, "too_many_requests"
        case "banned":
            return 418, "block"
        case "key_expired":
            return 401, "expired_access_key"
        case "ip_refused":
            return 401, "no_authorization_i_p"
        case _:
            usual = "too_many_requests" if rule.status == 429 else "server_error"
            return rule.status, rule.error or usual


_TELEGRAM_SAYS = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
}


def _telegram_error(status: int, rule: Rule) -> wire.Json:
    parameters, words = {}, _TELEGRAM_SAYS.get(status, "Internal Server Error")
    if status == 429:
        parameters, words = (
            {"retry_after": rule.retry_after},
            f"Too Many Requests: retry after {rule.retry_after}",
        )
    elif rule.migrate_to_chat_id is not None:
        parameters = {"migrate_to_chat_id": rule.migrate_to_chat_id}
        words = "Bad Request: group chat was upgraded to a supergroup chat"
    answer = {"ok": False, "error_code": status, "description": rule.description or words}
    return wire.Json(answer | ({"parameters": parameters} if parameters else {}), status)
