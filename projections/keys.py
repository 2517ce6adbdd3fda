"""Every key of the boards in Redis, built here and nowhere else.

A *version* is one complete set of boards under a name never used before; ``current`` names the one that readers follow.
``{prefix}`` is the deployment's own, such as ``standings:``.

==================================  ==========  ==============================================================
key                                 type        holds
==================================  ==========  ==============================================================
``{prefix}current``                 string      the version that readers follow
``{prefix}versions``                hash        version to the second when its builder was last heard of
``{prefix}changes``                 channel     which groups changed
``{prefix}{v}:pos``                 hash        partition to the position last shown completely
``{prefix}{v}:ahead:P``             hash        mark to position text, of the flushes under way in partition P
``{prefix}{v}:own:GROUP``           hash        partition to the group's own mark; of units, ``tag`` to the last write
``{prefix}{v}:cells:GROUP``         hash        member to its cells by reach, summed over partitions
``{prefix}{v}:parts:GROUP``         hash        member to what each partition says of it by reach (unit members only)
``{prefix}{v}:targets:GROUP``       hash        member to its targets and the boards it stands on
``{prefix}{v}:boards:GROUP``        set         the boards that the group ever wrote, without their bucket
``{prefix}{v}:documents:GROUP``     hash        document id to JSON text
``{prefix}{v}:board:NAME``          sorted set  member to -score: Redis' own order is the board's total order
``{prefix}{v}:reaches``             hash        number to reach: ``[MEMBERS, [scopes]]`` in JSON
``{prefix}{v}:numbers``             hash        reach to its number
==================================  ==========  ==============================================================

GROUP is an attainment group or a document group: the sales boards of a member kind and bucket are written with its
attainment group and share its marks and cells. A member nearly always has one reach in a bucket, and then its cell is
the same on all its boards, so it is kept once.

A sorted set is a board, and nothing else is one. Groups keep only the *number* of their own mark: the offsets behind it
are in ``pos``, or in ``ahead`` while it is later. Written out in each group they would need much memory.
"""

from __future__ import annotations

from domain.boards import REP, AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group

_SINGLE_KINDS = ("pos", "reaches", "numbers")
_KINDS = ("ahead", "own", "cells", "parts", "targets", "boards", "documents", "board")

TAG = "tag"
UNDER_WAY = "*"
"""In a group's own marks: the name of the last write, and what follows a partition for what is half written."""

LUA_PRELUDE = "".join(
    [f"local TAG, UNDER_WAY = '{TAG}', '{UNDER_WAY}'\n"]
    + [f"local {kind.upper()} = '{kind}'\n" for kind in _SINGLE_KINDS]
    + [f"local {kind.upper()} = '{kind}:'\n" for kind in _KINDS]
)
"""The parts of the names, for the scripts: they learn the version, or which boards change, only while they run."""


class Keys:
    """The keys of one deployment that are named outside scripts."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.current = f"{prefix}current"
        self.versions = f"{prefix}versions"
        self.changes = f"{prefix}changes"

    def stem(self, version: str) -> str:
        """What every key of a version begins with."""
        return f"{self.prefix}{version}:"

    def pos(self, version: str) -> str:
        """Positions shown completely."""
        return f"{self.prefix}{version}:pos"

    def ahead(self, version: str, partition: int) -> str:
        """Positions of flushes under way."""
        return f"{self.prefix}{version}:ahead:{partition}"

    def reaches(self, version: str) -> str:
        """Reaches by their numbers."""
        return f"{self.prefix}{version}:reaches"

    def boards(self, version: str, group: AttainmentGroup) -> str:
        """The boards that a group ever wrote."""
        return f"{self.prefix}{version}:boards:{group}"

    def parts(self, version: str, group: AttainmentGroup) -> str:
        """What each partition says of the units of a group."""
        return f"{self.prefix}{version}:parts:{group}"

    def own(self, version: str, group: Group) -> str:
        """A group's own marks."""
        return f"{self.prefix}{version}:own:{written_with(group)}"


def written_with(group: Group) -> AttainmentGroup | DocumentGroup:
    """The group in whose step a group is written, and whose marks it has.

    >>> str(written_with(BoardGroup("cn", "store", "2026-05")))
    'attainment:unit/2026-05'
    """
    if isinstance(group, BoardGroup):
        return AttainmentGroup("rep" if group.members == REP else "unit", group.bucket)
    return group


def revenue_board(group: BoardGroup) -> BoardName:
    """The one sales board of a group that has a sorted set; quantity and count are ranked from the same cells.

    >>> str(revenue_board(BoardGroup("cn", "store", "2026-05")))
    'cn/store/revenue/2026-05'
    """
    return BoardName(group.unit_id, group.members, "revenue", group.bucket)


def parse_group(text: str) -> Group:
    """Read the name of a group, as ``str(group)`` writes it.

    >>> parse_group("attainment:rep/2026-05")
    AttainmentGroup(kind='rep', bucket='2026-05')
    >>> parse_group("board:cn/east/rep/2026").unit_id
    'cn/east'

    Raises:
        ValueError: not the name of a group.
    """
    kind, _, rest = text.partition(":")
    if kind == "board" and rest.count("/") >= 2:
        return BoardGroup(*rest.rsplit("/", 2))
    if kind == "attainment" and rest.count("/") == 1:
        members, bucket = rest.split("/")
        return AttainmentGroup("rep" if members == "rep" else "unit", bucket)
    if kind == "documents" and rest:
        return DocumentGroup(rest)
    raise ValueError(f"{text!r} is not the name of a group")


def parse_board(text: str) -> BoardName:
    """Read a board's name as it stands in a key: already known to be one, so only split."""
    return BoardName(*text.rsplit("/", 3))


def glob_escape(text: str) -> str:
    r"""Take ``text`` literally in a SCAN pattern.

    >>> glob_escape("a*b")
    'a\\*b'
    """
    return "".join("\\" + c if c in "*?[]\\^-" else c for c in text)
