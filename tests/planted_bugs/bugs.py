"""The bugs: what to change in the source, and which test must go red.

A change is an exact piece of text and what stands there instead. A piece that is no longer found is a failure: the
bug must then be planted in the new code.
"""

from __future__ import annotations

from typing import NamedTuple

LAW = "tests/property/test_law_of_the_boards.py::test_long_histories_keep_the_law"
ORDER = "tests/property/test_law_of_the_boards.py::test_any_order_and_any_repetition_give_the_same_boards_and_documents"
CLOSED = "tests/property/test_law_of_closed_years.py::test_long_logs_keep_the_law_and_their_closed_years_leave_memory"
MODEL = "tests/model/test_changelog_protocol.py::"
HISTORIES = "tests/model/test_histories.py::test_in_five_thousand_random_histories_everything_stays_true"
REDIS = "tests/property/test_law_in_redis.py"


class Change(NamedTuple):
    """One replacement in one file, which holds the old text exactly once."""

    path: str
    old: str
    new: str


class Bug(NamedTuple):
    """A bug worth fearing.

    Attributes:
        name: what is wrong.
        changes: how to plant it.
        test: the test that must go red.
    """

    name: str
    changes: tuple[Change, ...]
    test: str


OWNER = "processors/engine/ownership.py"
CHANGELOG = "processors/engine/changelog.py"
FOLD = "domain/sales_fold.py"
LEDGER = "domain/ledger.py"
STEP = "projections/lua/step.lua"
RANKING = "projections/lua/common.lua"
UNITS = "projections/unit_parts.py"
VIEW = "projections/lua/view.lua"
TWINS = "tests/contract/test_twins.py"
SLICES = "tests/contract/test_slices.py::"
HELD = "tests/contract/test_held_units.py::"

SETTING = "if write('ZADD', head .. names[at] .. tail, list) > 0 then fresh[#fresh + 1] = names[at] .. '/revenue' end"
ADDING = """for i = 1, #list, 2 do call('ZINCRBY', head .. names[at] .. tail, list[i], list[i + 1]) end
    fresh[#fresh + 1] = names[at] .. '/revenue'"""

BUGS: tuple[Bug, ...] = (
    Bug(
        "no mark guard: what a chunk repeats below the mark is folded again",
        (Change(OWNER, "fresh = dropwhile(lambda record: record.offset <= done, records)", "fresh = iter(records)"),),
        HISTORIES,
    ),
    Bug(
        "no mark guard: a batch counts wherever it stands",
        (
            Change(
                CHANGELOG, "return mark.epoch >= self.epoch and mark.at == offset", "return mark.epoch >= self.epoch"
            ),
        ),
        MODEL + "test_a_batch_that_stands_elsewhere_than_expected_does_not_count",
    ),
    Bug(
        "commit before apply: a chunk is acknowledged before its flush has landed",
        (Change(OWNER, "self._pending.chunks.append(chunk)", "chunk.ack()"),),
        HISTORIES,
    ),
    Bug(
        "commit before apply: the mark passes records that were not folded yet",
        (Change(OWNER, "self.taken[source] = folded.last", "self.taken[source] = records[-1].offset"),),
        HISTORIES,
    ),
    Bug(
        "dedupe after apply: a repeated sale is added before it is recognised",
        (
            Change(
                LEDGER,
                "Effects.entered(met.compress(turned & merged.greater))",
                "Effects.entered(met.compress(~was_void & ~is_void))",
            ),
        ),
        LAW,
    ),
    Bug(
        "UTC-only days: the business day ignores the unit's zone",
        (
            Change(
                "domain/calendar.py",
                "timedelta(milliseconds=instant_ms)).astimezone(self._zone)",
                "timedelta(milliseconds=instant_ms)).astimezone(UTC)",
            ),
        ),
        LAW,
    ),
    Bug(
        "float money: amounts pass through units of the currency",
        (Change(FOLD, "amounts * signs", "(amounts / 100 * 100).astype(np.int64) * signs"),),
        LAW,
    ),
    Bug(
        "ancestors of today instead of the sale's day",
        (
            Change(
                FOLD,
                "self.tree.chain(self._units.things[unit], self._totals.days.things[day])",
                'self.tree.chain(self._units.things[unit], "2099-12-31")',
            ),
        ),
        LAW,
    ),
    Bug(
        "missing fence: a writer goes on counting after somebody else's claim",
        (Change(CHANGELOG, "return mark.epoch >= self.epoch and mark.at == offset", "return mark.at == offset"),),
        MODEL + "test_a_batch_of_a_fenced_writer_does_not_count_even_where_it_expected_to_stand",
    ),
    Bug(
        "missing fence: a row without its mark is taken wherever it stands",
        (Change(CHANGELOG, "elif _STAMP.unpack_from(row.value)[0] == row.offset:", "elif True:"),),
        MODEL + "test_a_fenced_row_is_refused_when_compaction_removed_its_mark",
    ),
    Bug(
        "what did not count is not said again after a recovery",
        (
            Change(
                OWNER,
                "keys, owed = sorted(self.fenced.keys() - {MARK}), bool(self.fenced)",
                "keys, owed = list[bytes](), False",
            ),
        ),
        HISTORIES,
    ),
    Bug(
        "ZINCRBY: scores are added to instead of set",
        (Change(RANKING, SETTING, ADDING),),
        REDIS,
    ),
    Bug(
        "a unit's sum takes the new part and keeps the old one",
        (Change(UNITS, "r, q, c, n = r - r0, q - q0, c - c0, n - n0", "del r0, q0, c0, n0"),),
        REDIS,
    ),
    Bug(
        "a step of units is written over whatever somebody else has written since they were read",
        (Change(STEP, "if (tag or '') == part.was then return nil end", "if part.was then return nil end"),),
        HELD + "test_nothing_that_another_writes_meanwhile_is_lost",
    ),
    Bug(
        "the tag of a group of units is read before the units, not with them",
        (
            Change(
                "projections/redis_units.py",
                "        keys = self._keys\n",
                "        keys = self._keys\n"
                "        tags = {group: await self._client.hget(keys.own(version, group), TAG) for group in wanted}\n",
            ),
            Change(
                "projections/redis_units.py",
                "            self._learn(group, members, *told)\n",
                "            self._learn(group, members, *told)\n"
                "            held[group].tag = str(tags[group] or '')\n",
            ),
        ),
        HELD + "test_parts_that_a_store_no_longer_holds_are_not_written",
    ),
    Bug(
        "what a refused step of units was worked out from is kept",
        (Change("projections/redis_units.py", "self._held.pop(piece.change.group, None)", "pass"),),
        TWINS,
    ),
    Bug(
        "a unit leaves no board of a reach that holds nothing any more",
        (
            Change(
                UNITS,
                "sums = dict.fromkeys(self.listed, EMPTY)",
                "sums = {r: EMPTY for p in self._parts.values() for r, _ in p}",
            ),
        ),
        HELD + "test_a_unit_that_moves_in_one_partition_first_stands_where_each_part_says",
    ),
    Bug(
        "one partition's position speaks for all that are stepped together",
        (
            Change(
                STEP,
                "flushes[i].current = text == flushes[i][2]",
                "flushes[i].current = flushes[1].current or text == flushes[i][2]",
            ),
        ),
        HELD + "test_a_position_that_moves_meanwhile_refuses_its_flush",
    ),
    Bug(
        "a snapshot lists no cells: those that hold nothing now are forgotten",
        (
            Change(
                "domain/totals.py",
                "self._make_cells(self._places_at(joined(members, buckets)), reaches)",
                "del members, buckets, reaches",
            ),
        ),
        "tests/property/test_packed_fold.py::test_what_a_state_says_of_itself_rebuilds_it",
    ),
    Bug(
        "slices of two attempts are taken for one",
        (
            Change(
                STEP,
                "if under ~= format('%d %s %d', bound, part.attempt, part.slice - 1) then return 'refused' end",
                "",
            ),
        ),
        SLICES + "test_slices_of_two_attempts_are_never_taken_for_one",
    ),
    Bug(
        "what is half written is read",
        (Change(VIEW, "if under_way then return nil, 'busy' end", "if under_way then return out, own end"),),
        SLICES + "test_a_large_change_is_seen_whole_or_not_at_all",
    ),
    Bug(
        "closed years: nothing ever comes too late",
        (Change("domain/closing.py", "return self._closes[passed - 1].year if passed else NO_YEAR", "return NO_YEAR"),),
        CLOSED,
    ),
    Bug(
        "closed years: late is what comes after the close was learned of, whenever it was recorded",
        (Change("domain/partition.py", "(year := closing.year_for(self.sold_ms))", "(year := closing.year)"),),
        CLOSED,
    ),
    Bug(
        "closed years: a line that has left memory is forgotten",
        (
            Change(
                "domain/closed_lines.py", "self._add(digests, np.full(len(digests), year, np.uint16))", "del digests"
            ),
        ),
        CLOSED,
    ),
    Bug(
        "closed years: an org move says the rows of closed days again",
        (Change(FOLD, "rows = rows.compress(~self._sold_by(last_day(self.closed_year))(rows))", "pass"),),
        CLOSED,
    ),
    Bug(
        "closed years: a later placement moves days over the year's end",
        (Change(FOLD, "for frozen in self._frozen_zones:", "for frozen in list[_Frozen]():"),),
        CLOSED,
    ),
    Bug(
        "shared trees: a step also changes the tree that it starts from",
        (
            Change(
                "domain/facts_by_date.py",
                "self._shared, other._shared = set(self._timelines), set(self._timelines)",
                "other._shared = set[str]()",
            ),
        ),
        "tests/property/test_shared_trees.py::test_a_step_changes_no_tree_that_was_there",
    ),
    Bug(
        "a chunk is folded although the one before it was lost",
        (Change("processors/engine/workshop.py", "if after > taken:", "if False:"),),
        HISTORIES,
    ),
)
