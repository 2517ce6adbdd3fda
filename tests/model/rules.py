"""The rules of the protocol, and for each a variant in which it is switched off.

A variant is a subclass or an option handed to a history in place of the product's own: nothing is patched.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from tests.model import off_boards as boards
from tests.model import off_changelog as log
from tests.model import projectors, workers
from tests.model.fates import Fates, LongNights, Restores, Rivals, lossless
from tests.model.parts import Rules


class SwitchedOff(NamedTuple):
    """A rule and what a history is made of without it.

    Attributes:
        says: the rule, in words.
        without: the parts.
        kept: why the rule stays although no history is wrong without it; "" = some are.
        search: at most so many histories are tried until one is wrong, when the rule is shown to be needed.
        first: the seed of the first one tried: a rare wrong one is looked for where there was one.
    """

    says: str
    without: Rules
    kept: str = ""
    search: int = 400
    first: int = 0


_options = projectors.OPTIONS
_limits = workers.LIMITS

RARE = "It is needed, but what it prevents is too rare to be found every time."

RULES: dict[str, SwitchedOff] = {
    "idempotent": SwitchedOff(
        "The producer is idempotent: no batch is lost with a later one landing, none lands twice or too early.",
        Rules(producer=log.CarelessProducer),
    ),
    "at": SwitchedOff("A batch counts only where its writer expected its mark to stand.", log.with_fold(log.AnyPlace)),
    "epoch": SwitchedOff(
        "A batch counts only if its epoch is not below one seen before.",
        log.with_fold(log.AnyEpoch),
        kept="A second guard beside the place of the mark; it costs nothing.",
    ),
    "at-and-epoch": SwitchedOff("Both of these.", log.with_fold(log.AnyPlaceAndEpoch)),
    "stamp": SwitchedOff(
        "A row says at which offset its writer expected it, and is taken only there.", log.with_fold(log.NoStamps)
    ),
    "count": SwitchedOff(
        "A mark says how many records its batch has: rows before them have lost their own mark to compaction.",
        log.with_fold(log.NoCount),
    ),
    "at-the-mark": SwitchedOff(
        "Rows are taken at their mark, not before.",
        log.with_fold(log.NoMarks),
        kept="Stamps decide row by row, and a projector waits for a mark; but a state between two marks is nobody's.",
    ),
    "say-again": SwitchedOff("The next owner says the keys of what did not count again.", log.with_owner(log.Silent)),
    "say-again-and-age": SwitchedOff(
        "This, and nobody looks how old they are.",
        replace(
            log.with_owner(log.Silent),
            limits=replace(_limits, fenced_age_seconds_max=math.inf),
            projector=boards.TrustingBuild,
        ),
    ),
    "say-again-afresh": SwitchedOff(
        "It says them as of now, not in the bytes that were read.", Rules(state=log.AgainAsStored)
    ),
    "every-scope": SwitchedOff("A row keeps every scope that it ever listed.", Rules(state=log.ForgetfulRows)),
    "unique-blob-keys": SwitchedOff("The key of a ledger blob is never used again.", log.with_owner(log.ReusedKeys)),
    "fenced-age": SwitchedOff(
        "A changelog with a batch that did not count and is older than the compaction lag is not trusted.",
        Rules(limits=replace(_limits, fenced_age_seconds_max=math.inf), fates=LongNights),
    ),
    "heartbeat": SwitchedOff(
        "An owner that has nothing to say writes a mark now and then.",
        Rules(limits=replace(_limits, heartbeat_seconds=math.inf), fates=LongNights),
        search=800,
    ),
    "claim": SwitchedOff(
        "A partition is claimed on every assignment, also one that was kept.", Rules(worker=log.ClaimsOnce)
    ),
    "read-to-the-claim": SwitchedOff(
        "The log is read up to the claim before anything is written.", log.with_owner(log.Unread)
    ),
    "lost": SwitchedOff(
        "An owner whose batch lands elsewhere than expected writes nothing more.", log.with_owner(log.Ignoring)
    ),
    "lost-not-patched": SwitchedOff(
        "It does not go on from where its batch landed, either.", log.with_owner(log.PatchedMemory)
    ),
    "new-owner": SwitchedOff(
        "A partition is taken back by a new owner that knows nothing.", Rules(reclaims=log.SharedMemory)
    ),
    "old-chunks": SwitchedOff(
        "Chunks that came before the partition was taken back are not current.",
        Rules(worker=log.StaleChunks, fates=Rivals),
    ),
    "hold-of-its-time": SwitchedOff(
        "A re-claim lets go only of chunks that came before a rebalance: the consumer does not go back behind others.",
        replace(log.with_owner(log.AnyChunk), worker=log.LateHold, fates=lossless(Rivals)),
        search=1_500,
    ),
    "hold-again": SwitchedOff(
        "... and again before it reads on: a recovery may have sought meanwhile, for the owner that was lost.",
        Rules(worker=log.HeldOnce),
        search=1,
        first=1_072_429,
    ),
    "drop-pending": SwitchedOff(
        "An owner that is claimed again with anything pending or on its way is dropped whole.",
        log.with_owner(log.Keeping),
    ),
    "tree-at-the-mark": SwitchedOff(
        "Recovery plants the tree of the mark's control offset.", Rules(control=log.ControlOfNow)
    ),
    "no-gap": SwitchedOff("A chunk is taken only if the one before it was.", log.with_owner(log.AnyChunk)),
    "seek": SwitchedOff(
        "Sources are read from the state's positions + 1.",
        replace(log.with_owner(log.AnyChunk), worker=log.NoSeek, fates=lossless(Rivals)),
    ),
    "refuse": SwitchedOff(
        "After a dropped chunk none is taken until the next seek.",
        replace(log.with_owner(log.NeverRefusing), fates=lossless(Fates)),
    ),
    "lock": SwitchedOff("One lock is held around reduce, predict offset and send.", log.with_owner(log.WithoutLock)),
    "acknowledge": SwitchedOff(
        "Chunks are acknowledged when their batch has landed.", log.with_owner(log.EarlyAcknowledgement)
    ),
    "letters": SwitchedOff(
        "Dead letters are awaited before the mark that passes their originals.",
        Rules(producer=log.LettersUnawaited),
    ),
    "pos": SwitchedOff(
        "Steps and moves are refused unless the position is where the flush started.",
        Rules(boards=boards.Uncompared),
    ),
    "own-mark": SwitchedOff(
        "A step is skipped if the group shows a mark that is not older.", Rules(boards=boards.OwnMarkUnlooked)
    ),
    "move-checks-groups": SwitchedOff(
        "A position moves only if every group of the flush shows it.",
        Rules(boards=boards.MoveUnchecked, fates=Restores),
    ),
    "swap-checks-built": SwitchedOff(
        "A version is swapped in only if it still holds what was built.",
        Rules(boards=boards.SwapOfAnything, fates=Restores),
        kept=RARE,
    ),
    "swap-checks-pointer": SwitchedOff(
        "... and only if what was current at its start still is.", Rules(boards=boards.SwapFromAnywhere)
    ),
    "swap-forward": SwitchedOff(
        "... and never to one that shows less.", Rules(boards=boards.SwapBack, fates=Rivals), search=1_500
    ),
    "swap-drops-old": SwitchedOff(
        "The swap takes the old version's positions away.",
        Rules(boards=boards.SwapKeepsOld),
        kept="The idle look finds out, too; without positions nobody writes there meanwhile.",
    ),
    "start-is-written": SwitchedOff(
        "The start of a new version is written, so that its loss is seen.",
        Rules(boards=boards.UnwrittenStart, fates=Restores),
        kept="The swap and the move find out as well; but a lost key is not to look like a fresh start.",
    ),
    "new-version": SwitchedOff(
        "A rebuild fills a version that nobody reads.", Rules(boards=boards.InPlace, fates=Restores)
    ),
    "build-to-the-end": SwitchedOff(
        "A build is published at the end seen at its start.", Rules(projector=boards.HastyBuild)
    ),
    "young-end": SwitchedOff(
        "... and that end is younger than the compaction lag.",
        Rules(projector=boards.SlowBuild, fates=LongNights),
        search=800,
    ),
    "no-doubtful-build": SwitchedOff(
        "No build is published over an old batch that did not count and is not said again.",
        Rules(projector=boards.TrustingBuild, fates=LongNights),
        search=600,
        first=1_000,
    ),
    "idle-look": SwitchedOff(
        "A projector without work looks whether the store still holds what it left there.",
        Rules(projector_options=replace(_options, look_seconds=math.inf)),
    ),
    "too-old": SwitchedOff(
        "Boards whose next mark may be behind the cleaner are rebuilt.",
        Rules(projector=boards.Resuming, fates=Rivals),
    ),
    "flush-at-a-mark": SwitchedOff(
        "A projector's flush ends at a mark that counted; rows settled elsewhere wait.",
        Rules(shown=boards.Eager, fates=LongNights),
    ),
    "rows-in-order": SwitchedOff("A projector keeps rows in the order of the log.", Rules(shown=boards.Unordered)),
}


def rules_without(name: str) -> Rules:
    """What a history is made of; "" = all rules are on."""
    return RULES[name].without if name else Rules()
