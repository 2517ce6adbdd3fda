"""Reads ``data``: bytes of JSON into the struct of its event type, or a verdict with a reason.

The struct decoder says a fast "yes". Whatever it refuses goes to the contract class, which either names the reason or,
in the one case where it is more patient (a name given twice; the last one counts), accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from events import reasons
from events.contract import Contract
from events.facts import Rejected
from events.instants import instant_ms
from events.json_text import refuse_not_json, refuse_too_deep
from events.limits import DETAIL_CHARS_MAX
from events.registry import EVENT_TYPES, NEWEST, EventType
from events.structs import checks_of, struct_of

_REASON_BY_ERROR: Final = {
    "json_invalid": reasons.NOT_JSON,
    "missing": reasons.MISSING_FIELD,
    "extra_forbidden": reasons.UNKNOWN_FIELD,
}


class DataReader:
    """Reads the ``data`` of one event type.

    Attributes:
        topic: the logical topic that its records stand in.
        short: the type its facts are given: the newest version's.
    """

    __slots__ = ("_checks", "_contract", "_decode", "_instant_of", "_upcast", "short", "topic")

    def __init__(self, row: EventType) -> None:
        """Derive the struct and its checks from the row's contract class."""
        self.topic = row.topic
        self.short = NEWEST[row.name].short
        self._contract = row.contract
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct_of(row.contract)).decode
        self._instant_of: Callable[[Any], str] | None = attrgetter(row.instant_field) if row.instant_field else None
        # The instant is read for its milliseconds anyway, which checks it.
        self._checks = tuple(
            (attrgetter(name), check) for name, check in checks_of(row.contract) if name != row.instant_field
        )
        self._upcast = row.upcast

    def read(self, raw: bytes) -> tuple[Any, int]:
        """The struct of the newest version, and when it occurred (UTC ms; 0 for a type without an instant).

        Raises:
            Rejected: ``data`` breaks the contract.
        """
        try:
            return self.read_plain(raw)[:2]
        # Not JSON, not the contract's shape, not UTF-8 or a bad text, too deep.
        except (msgspec.MsgspecError, ValueError, RecursionError):
            data = as_struct(judge(self._contract, raw))
            occurred_ms = 0 if self._instant_of is None else instant_ms(self._instant_of(data))
        return data if self._upcast is None else as_struct(self._upcast(data)), occurred_ms

    def read_plain(self, raw: bytes) -> tuple[Any, int, str | None]:
        """The same, and the text of the instant (None for a type without one), of ``data`` without faults.

        Raises:
            msgspec.MsgspecError, ValueError, RecursionError: the struct refuses it; the contract class has the word.
        """
        data = self._decode(raw)
        for value_of, check in self._checks:
            check(value_of(data))
        if self._instant_of is None:
            occurred_at, occurred_ms = None, 0
        else:
            occurred_at = self._instant_of(data)
            occurred_ms = instant_ms(occurred_at)
        if self._upcast is not None:
            data = as_struct(self._upcast(data))
        return data, occurred_ms, occurred_at


def judge(contract: type[Contract], raw: bytes) -> Contract:
    """The contract object that the JSON holds.

    Raises:
        Rejected: ``missing_field`` (no bytes at all, or a field), ``too_deep``, ``not_json``, ``unknown_field``,
            ``wrong_type`` or ``out_of_range``; of several faults, the first in the class's order.
    """
    if not raw:
        raise Rejected(reasons.MISSING_FIELD, "data: the event has none")
    refuse_too_deep(raw)
    refuse_not_json(raw)
    try:
        return contract.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, ("data", *first["loc"])))
    raise Rejected(_reason_of(first["type"], first["input"]), f"{where}: {first['msg']}"[:DETAIL_CHARS_MAX])


def _reason_of(error_type: str, value: object) -> str:
    if error_type in _REASON_BY_ERROR:
        return _REASON_BY_ERROR[error_type]
    if error_type.endswith("_type") or (error_type == "literal_error" and not isinstance(value, str)):
        return reasons.WRONG_TYPE
    return reasons.OUT_OF_RANGE


def as_struct(data: Contract) -> Any:
    """A contract object as its struct, the form in which the product carries it."""
    return msgspec.convert(data.model_dump(), struct_of(type(data)))


READERS: Final[dict[str, DataReader]] = {row.type: DataReader(row) for row in EVENT_TYPES}
"""Full type to its reader."""
