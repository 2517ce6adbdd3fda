"""A record counts where its home is; elsewhere it is sent on once; what can't count becomes a dead letter."""

from __future__ import annotations

import json

import pytest
from aiokafka.partitioner import DefaultPartitioner

from domain.accounting import DEAD_LETTERED, FORWARDED
from events.facts import Fact
from processors.admission import Admission, SkippedRecords
from processors.dead_letters import DeadLetter
from processors.home import home_partition
from processors.redirects import Redirect
from processors.topics import TopicNames
from tests.unit.processors.records import APPENDED_MS, Record, record, sale, skip

NAMES, PARTITIONS = TopicNames("standings"), 12


@pytest.fixture
def admission() -> Admission:
    return Admission(NAMES, PARTITIONS, SkippedRecords())


def judged(admission: Admission, found: Record, source: str = "sales") -> Fact | Redirect:
    return admission.admit(source, found.partition, found)


def refused(verdict: Fact | Redirect) -> Redirect:
    assert isinstance(verdict, Redirect)
    return verdict


def letter_of(redirect: Redirect) -> DeadLetter:
    return DeadLetter.read(
        Record(redirect.topic, redirect.partition, 0, redirect.key, redirect.value, tuple(redirect.headers))
    )


@pytest.mark.parametrize("key", ["rep-1", "导购4", "x" * 64, "0"])
def test_home_is_where_kafkas_default_partitioner_sends_a_key(key: str) -> None:
    everywhere = list(range(PARTITIONS))
    assert home_partition(key, PARTITIONS) == DefaultPartitioner()(key.encode(), everywhere, everywhere)


def test_a_record_at_home_is_a_fact(admission: Admission) -> None:
    verdict = judged(admission, sale("rep-1").at(home_partition("rep-1", PARTITIONS)))
    assert isinstance(verdict, Fact)
    assert verdict.data.rep_id == "rep-1"
    assert verdict.recorded_ms == APPENDED_MS


@pytest.mark.parametrize(
    ("source", "type_", "data", "subject"),
    [
        ("targets", "target.set.v1",
         {"subject": {"type": "unit", "id": "u9"}, "bucket": "2026", "metric": "count", "value": 1, "revision": 0,
          "reason": "plan", "set_by": "boss"}, "u9"),
        ("reps", "rep.left.v1", {"rep_id": "rep-7", "effective_on": "2026-01-01", "revision": 0}, "rep-7"),
    ],
)  # fmt: skip
def test_the_home_of_each_source_comes_from_its_data(
    admission: Admission, source: str, type_: str, data: dict[str, object], subject: str
) -> None:
    home = home_partition(subject, PARTITIONS)
    assert isinstance(judged(admission, record(type_, data, partition=home), source), Fact)
    assert refused(judged(admission, record(type_, data, partition=home - 1), source)).partition == home


def test_a_record_elsewhere_is_sent_home_with_its_origin_and_everything_it_had(admission: Admission) -> None:
    home = home_partition("rep-1", PARTITIONS)
    found = sale("rep-1").at((home + 1) % PARTITIONS)
    redirect = refused(judged(admission, found))
    assert (redirect.outcome, redirect.topic, redirect.partition) == (FORWARDED, found.topic, home)
    assert (redirect.key, redirect.value) == (b"rep-1", found.value)
    assert redirect.headers[: len(found.headers)] == list(found.headers)
    origin = f"{found.topic}/{found.partition}/{found.offset}/{APPENDED_MS}".encode()
    assert redirect.headers[len(found.headers) :] == [("standings-origin", origin)]


def test_a_forwarded_record_counts_at_home_with_its_first_recorded_time(admission: Admission) -> None:
    home = home_partition("rep-1", PARTITIONS)
    redirect = refused(judged(admission, sale("rep-1").at((home + 1) % PARTITIONS)))
    arrived = Record(redirect.topic, home, 5, redirect.key, redirect.value, tuple(redirect.headers), APPENDED_MS + 999)
    verdict = judged(admission, arrived)
    assert isinstance(verdict, Fact)
    assert verdict.recorded_ms == APPENDED_MS


def test_a_record_is_forwarded_only_once(admission: Admission) -> None:
    home = home_partition("rep-1", PARTITIONS)
    redirect = refused(judged(admission, sale("rep-1").at((home + 1) % PARTITIONS)))
    lost = Record(redirect.topic, (home + 2) % PARTITIONS, 5, redirect.key, redirect.value, tuple(redirect.headers))
    verdict = refused(judged(admission, lost))
    assert (verdict.outcome, verdict.reason) == (DEAD_LETTERED, "not_home")


def test_a_dead_letter_keeps_the_original_and_says_why_and_whence(admission: Admission) -> None:
    original = Record(NAMES.sales, 3, 42, b"k", b"not json", (("x", b"1"), ("standings-reason", b"an older one")))
    redirect = refused(judged(admission, original))
    assert (redirect.topic, redirect.partition) == (NAMES.dead_letters, 3)
    letter = letter_of(redirect)
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("not_json", NAMES.sales, 3, 42)
    assert (letter.key, letter.value, letter.headers) == (b"k", b"not json", (("x", b"1"),))
    assert json.loads(json.dumps(letter.as_json())).keys() == {"reason", "topic", "partition", "offset", "detail"}


def test_a_skipped_record_is_a_dead_letter(admission: Admission) -> None:
    found = sale("rep-1").at(home_partition("rep-1", PARTITIONS))
    fact = admission.control(skip(found.topic, found.partition, found.offset))
    assert isinstance(fact, Fact)
    admission.skipped.add(fact)
    assert refused(judged(admission, found)).reason == "skipped"


def test_an_unreadable_control_record_is_a_dead_letter_on_its_partition(admission: Admission) -> None:
    redirect = refused(admission.control(Record(NAMES.control, 0, 7, b"control", b"{broken")))
    assert (redirect.reason, redirect.partition) == ("not_json", 0)
