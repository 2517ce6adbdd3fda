"""The simulated organisation lives in the time zone and the currency of the deployment."""

from __future__ import annotations

import random
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from cli.simulator.facts import Event, TargetPlan, organisation_events
from cli.simulator.organisation import build_organisation
from cli.simulator.sales import Rates, SalesSimulator
from domain.accounting import DUPLICATE
from domain.partition import PartitionState, Rules
from events.codec import read_line
from events.facts import Fact
from events.registry import BY_SHORT, CONTROL

ZONE = "Europe/Berlin"
NOW = datetime(2026, 5, 21, 18, 0, tzinfo=ZoneInfo(ZONE))
ORGANISATION = build_organisation(3, areas_per_city=1, stores_per_area=1, sellers_per_store=4)


def simulator(currency: str) -> SalesSimulator:
    return SalesSimulator(ORGANISATION, 3, zone=ZoneInfo(ZONE), currency=currency, rates=Rates(broken=0.0))


def fact(made: Event) -> Fact:
    return read_line(msgspec.json.encode(made))


def test_nothing_is_refused_in_another_currency_and_time_zone() -> None:
    state, sales, draw = PartitionState(0, Rules("EUR", ZONE)), simulator("EUR"), random.Random(1)
    facts = [fact(made) for made in organisation_events(ORGANISATION, NOW, ZONE)]
    state.control([each for each in facts if BY_SHORT[each.type].topic == CONTROL])
    plan = TargetPlan(ORGANISATION, 3)
    facts += [fact(made) for made in plan.events(TargetPlan.buckets_around(NOW.date()), NOW)]
    facts += [fact(made) for made in sales.past_day(date(2026, 5, 20), NOW)]
    facts += [fact(made) for number in range(50) for made in sales.live(draw, f"live-{number}", NOW)]
    folded = [each for each in facts if BY_SHORT[each.type].topic != CONTROL]
    for each in folded:
        state.apply(each)
    repeated = sum(count for (_, outcome), count in state.outcomes().items() if outcome == DUPLICATE)
    assert repeated < len(folded) / 2
    assert state.tree.zone("cn") == ZONE


def test_the_same_seed_gives_the_same_sales() -> None:
    first, second = (list(simulator("CNY").past_day(date(2026, 5, 20), NOW)) for _ in range(2))
    assert first == second != []
