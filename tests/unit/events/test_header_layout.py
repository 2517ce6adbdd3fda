"""The short path takes what nearly all records are, and nothing that the careful path would judge otherwise."""

from __future__ import annotations

import pytest

from events.codec import _read_plain, encode_record, read_record, to_record
from events.facts import Fact, Rejected
from events.header_layout import LAYOUTS_MAX, Layouts
from events.registry import EVENT_TYPES, EventType
from events.writing import Outgoing
from tests.unit.events.examples import DATA, SOURCE, line


def read(sent: Outgoing) -> Fact:
    return read_record(sent.topic, sent.key, sent.value, sent.headers, 7)


def with_header(sent: Outgoing, name: str, value: bytes) -> Outgoing:
    return sent._replace(headers=[*sent.headers, (name, value)])


def reason_of_record(sent: Outgoing) -> str:
    with pytest.raises(Rejected) as caught:
        read(sent)
    return caught.value.reason


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_what_emit_and_the_writers_send_takes_the_short_path(row: EventType) -> None:
    for sent in (to_record(line(row.short)), encode_record(row, DATA[row.short], id="1", source=SOURCE)):
        fact = read(sent)  # from here on the source is known
        assert _read_plain(sent.topic, sent.key, sent.value, sent.headers, 7) == fact


@pytest.mark.parametrize("absent", [(), ("ce_time",), ("ce_recordedtime", "ce_partitionkey")])
def test_any_order_of_headers_takes_the_short_path_once_it_was_met(absent: tuple[str, ...]) -> None:
    sent = to_record(line("sale.recorded.v1", traceparent="00-ab"))
    headers = [header for header in reversed(sent.headers) if header[0] not in absent]
    turned = sent._replace(headers=headers)
    fact = read(turned)
    assert _read_plain(sent.topic, sent.key, sent.value, headers, 7) == fact  # before another order may push it out
    assert fact == read(sent)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ce_specversion", b"0.3", "not_cloudevent"),
        ("content-type", b"application/cloudevents+avro", "not_cloudevent"),
        ("ce_type", b"dev.standings.sale.melted.v1", "unknown_type"),
        ("ce_source", b"", "not_cloudevent"),
        ("ce_id", b"", "not_cloudevent"),
        ("ce_time", b"yesterday", "not_cloudevent"),
        ("ce_recordedtime", b"yesterday", "not_cloudevent"),
        ("ce_partitionkey", b"\xff", "not_cloudevent"),
        ("ce_datacontenttype", b"application/cloudevents+json", "not_cloudevent"),
    ],
)
def test_a_known_order_of_headers_excuses_nothing(name: str, value: bytes, reason: str) -> None:
    sent = to_record(line("sale.recorded.v1"))
    read(sent)
    read(with_header(sent, "ce_datacontenttype", b"text/plain"))
    headers = [(known, value if known == name else said) for known, said in sent.headers]
    if name not in dict(headers):
        headers.append((name, value))
    assert reason_of_record(sent._replace(headers=headers)) == reason


def test_two_headers_that_changed_places_are_not_taken_for_each_other() -> None:
    sent = to_record(line("sale.recorded.v1", source="/one", id="/two"))
    other = to_record(line("sale.recorded.v1", source="/two", id="/one"))
    assert [read(sent).source, read(other).source] == ["/one", "/two"], "both sources are known from here on"
    names = {"ce_id": "ce_source", "ce_source": "ce_id"}
    changed = sent._replace(headers=[(names.get(name, name), value) for name, value in sent.headers])
    assert read(changed) == read(other)


def test_layouts_are_few_and_the_newest_is_among_them() -> None:
    layouts, names = Layouts(), list(dict(to_record(line("sale.recorded.v1")).headers))
    turned = [names[turn:] + names[:turn] for turn in range(LAYOUTS_MAX + 1)]
    for order in [*turned, *turned]:
        layouts.learn(order)
        assert tuple(order) in [layout.names for layout in layouts[len(names)]]
        assert len(layouts[len(names)]) <= LAYOUTS_MAX


@pytest.mark.parametrize("odd", ["ce_id", "standings-origin", "ce_datacontenttype"])
def test_names_that_need_care_have_no_layout(odd: str) -> None:
    layouts, names = Layouts(), list(dict(to_record(line("sale.recorded.v1")).headers))
    layouts.learn([*names, odd])
    layouts.learn(names[1:])
    layouts.learn([*names, *(f"ce_x{number}" for number in range(100))])
    assert layouts == {}
