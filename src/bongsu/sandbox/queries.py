"""What the query strings of signed requests may hold; anything else is refused by name."""

from uuid import UUID

from starlette.requests import Request

from bongsu.sandbox.orders import Order, Refused
from bongsu.sandbox.store import Store


def uuid_of(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise invalid(f"{text[:40]!r} is not a uuid") from None


def listed(request: Request, name: str) -> list[str]:
    return request.query_params.getlist(f"{name}[]") + request.query_params.getlist(name)


def states(request: Request, *, default: str, allowed: tuple[str, ...]) -> list[str]:
    asked = listed(request, "states") or request.query_params.getlist("state") or default.split(",")
    if any(state not in allowed for state in asked):
        raise invalid(f"state must be one of {', '.join(allowed)}")
    return asked


def number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise invalid(f"{name} must be 1 to {most}")
    return int(text)


def invalid(message: str) -> Refused:
    return Refused("invalid_parameter", message)


def chosen(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """The first of them where none is asked for."""
    value = request.query_params.get(name) or choices[0]
    if value not in choices:
        raise invalid(f"{name} must be one of {', '.join(choices)}")
    return value


def names(request: Request, name: str, most: int) -> list[str]:
    """Given as one value with commas, or as several."""
    given = [part.strip().upper() for text in listed(request, name) for part in text.split(",")]
    found = [part for part in given if part]
    if len(found) > most:
        raise invalid(f"{name} may hold up to {most}")
    return found


def find_order(store: Store, uuid: str | None, identifier: str | None) -> Order:
    """By either, the uuid first. Raises Refused."""
    if uuid:
        found = store.order_by_uuid(uuid_of(uuid))
    elif identifier:
        found = store.order_by_identifier(identifier)
    else:
        raise invalid("uuid or identifier is missing")
    if found is None:
        raise Refused("order_not_found", "there is no such order", 404)
    return found


def find_orders(request: Request, store: Store, *, most: int) -> list[Order]:
    """Those that exist of the uuids[] or identifiers[] asked for. Raises Refused."""
    uuids, identifiers = listed(request, "uuids"), listed(request, "identifiers")
    if bool(uuids) == bool(identifiers) or len(uuids + identifiers) > most:
        raise invalid(f"give up to {most} uuids[] or identifiers[]")
    found = [store.order_by_uuid(uuid_of(text)) for text in uuids]
    found += [store.order_by_identifier(text) for text in identifiers]
    return [order for order in found if order is not None]
