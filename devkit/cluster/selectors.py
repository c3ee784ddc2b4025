"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from devkit.cluster import errors

Matcher = Callable[[dict[str, Any]], bool]

_SET = re.compile(r"^(?P<key>[^\s!=()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=()]+)\s*(?P<op>==|!=|=)\s*(?P<value>[^\s!=()]*)$")
_EXISTS = re.compile(r"^(?P<absent>!?)\s*(?P<key>[^\s!=(),]+)$")


def labels(selector: str) -> Matcher:
    """Return the test for a label selector (`a=b,c!=d,e in (f,g),!h`); raise ApiError 400."""
    tests = [_label_test(part) for part in _split(selector)]
    return lambda item: all(
        test((item.get("metadata") or {}).get("labels") or {}) for test in tests
    )


def fields(selector: str) -> Matcher:
    """Return the test for a field selector (`metadata.name=a,status.phase!=Running`)."""
    tests = []
    for part in _split(selector):
        match = _EQUALITY.match(part)
        if match is None:
            raise errors.bad_request(f"invalid field selector {selector!r}")
        tests.append((match["key"], match["op"] != "!=", match["value"]))
    return lambda item: all((_field(item, path) == value) is same for path, same, value in tests)


def object_selector(selector: dict[str, Any]) -> Matcher:
    """Return the test for a LabelSelector object (`matchLabels`, `matchExpressions`)."""
    expected = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []

    def matches(item: dict[str, Any]) -> bool:
        found = (item.get("metadata") or {}).get("labels") or {}
        return all(found.get(key) == value for key, value in expected.items()) and all(
            _expression(found, expression) for expression in expressions
        )

    return matches


def _expression(found: dict[str, str], expression: dict[str, Any]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return found.get(key) in values
        case "NotIn":
            return found.get(key) not in values
        case "Exists":
            return key in found
        case _:
            return key not in found


def _split(selector: str) -> list[str]:
    parts = re.split(r",(?![^(]*\))", selector)
    return [part.strip() for part in parts if part.strip()]


def _label_test(part: str) -> Callable[[dict[str, str]], bool]:
    if match := _SET.match(part):
        key, inside = match["key"], match["op"] == "in"
        values = {value.strip() for value in match["values"].split(",")}
        return lambda found: (found.get(key) in values) is inside
    if match := _EQUALITY.match(part):
        key, value, same = match["key"], match["value"], match["op"] != "!="
        return lambda found: (found.get(key) == value) is same
    if match := _EXISTS.match(part):
        key, absent = match["key"], bool(match["absent"])
        return lambda found: (key in found) is not absent
    raise errors.bad_request(f"unable to parse requirement: {part!r}")


def _field(item: dict[str, Any], path: str) -> str:
    value: Any = item
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None else str(value)
