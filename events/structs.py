"""The hot path's classes: msgspec structs derived from the contract classes.

A struct has the attributes, defaults and bounds of its contract class, and is read several times faster. It may only
ever refuse more than its class does: what it refuses is judged again by the class (``events.judging``), which also
names the reason. So the class is the authority, and the struct a fast "yes".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from events.contract import Contract
from events.errors import BadText
from events.limits import CACHE_ENTRIES_MAX

Check = Callable[[Any], object]
"""Takes a value that has the right type and bounds; raises ValueError if its text says nothing valid."""


@cache
def struct_of(contract: type[Contract]) -> type[msgspec.Struct]:
    """The struct of a contract class: frozen, keyword-only, no unknown fields, not tracked by the garbage collector."""
    fields: list[Any] = []  # defstruct takes (name, type) and (name, type, default)
    for name, hint in get_type_hints(contract, include_extras=True).items():
        if name not in contract.model_fields:
            continue
        info = contract.model_fields[name]
        fields.append((name, _type_of(hint)) if info.is_required() else (name, _type_of(hint), info.default))
    return msgspec.defstruct(
        contract.__name__, fields, kw_only=True, frozen=True, forbid_unknown_fields=True, gc=False, module=__name__
    )


@cache
def checks_of(contract: type[Contract]) -> tuple[tuple[str, Check], ...]:
    """What the struct's types can't say: field name and check, for each field that needs one."""
    hints = get_type_hints(contract, include_extras=True)
    found = ((name, _check_of(hints[name])) for name in contract.model_fields)
    return tuple((name, check) for name, check in found if check is not None)


def _type_of(hint: Any) -> Any:
    """A contract annotation as msgspec reads it."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        bounds: dict[str, Any] = {}  # Meta's overloads take no mapping of plain ints
        for extra in _constraints(extras):
            for bound in ("ge", "le", "min_length", "max_length"):
                if (value := getattr(extra, bound, None)) is not None:
                    bounds[bound] = value
        return Annotated[_type_of(inner), msgspec.Meta(**bounds)] if bounds else _type_of(inner)
    if get_origin(hint) in (Union, UnionType):
        return reduce(or_, (_type_of(part) for part in get_args(hint)))
    if get_origin(hint) is tuple:
        return GenericAlias(tuple, (_type_of(get_args(hint)[0]), ...))
    if isinstance(hint, type) and issubclass(hint, Contract):
        return struct_of(hint)
    if hint in (str, int, NoneType) or get_origin(hint) is Literal:
        return hint
    raise TypeError(f"no struct type for {hint!r}")


def _check_of(hint: Any) -> Check | None:
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return _all_of([_check_of(inner), *_own_checks(extras)])
    if get_origin(hint) in (Union, UnionType):
        (check,) = {_check_of(part) for part in get_args(hint) if part is not NoneType}
        return check and _unless_none(check)
    if get_origin(hint) is tuple:
        check = _check_of(get_args(hint)[0])
        return check and _each(check)
    if isinstance(hint, type) and issubclass(hint, Contract):
        return _nested(checks_of(hint))
    return None


def _constraints(extras: list[Any]) -> list[Any]:
    return [part for extra in extras for part in (extra.metadata if isinstance(extra, FieldInfo) else [extra])]


def _own_checks(extras: list[Any]) -> list[Check | None]:
    checks: list[Check | None] = []
    for extra in _constraints(extras):
        if isinstance(extra, AfterValidator):
            checks.append(extra.func)  # type: ignore[arg-type]  # the contract's validators take one value
        elif (pattern := getattr(extra, "pattern", None)) is not None:
            checks.append(_Matching(pattern).__getitem__)
    return checks


class _Matching(dict[str, str]):
    """Texts that matched a pattern. Few come again and again, and a look-up runs without a step of Python."""

    def __init__(self, pattern: str) -> None:
        """Start with none seen."""
        super().__init__()
        self._pattern = re.compile(pattern.removeprefix("^").removesuffix("$"))

    def __missing__(self, text: str) -> str:
        if self._pattern.fullmatch(text) is None:
            raise BadText(f"{text[:64]!r} does not match {self._pattern.pattern}")
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        self[text] = text
        return text


def _all_of(checks: list[Check | None]) -> Check | None:
    real = [check for check in checks if check is not None]
    if len(real) <= 1:
        return real[0] if real else None

    def check_all(value: Any) -> None:
        for check in real:
            check(value)

    return check_all


def _unless_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _each(check: Check) -> Check:
    def check_each(values: tuple[Any, ...]) -> None:
        for value in values:
            check(value)

    return check_each


def _nested(checks: tuple[tuple[str, Check], ...]) -> Check | None:
    if not checks:
        return None

    def check_fields(data: Any) -> None:
        for name, check in checks:
            check(getattr(data, name))

    return check_fields
