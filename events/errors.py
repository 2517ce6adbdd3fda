"""The exceptions of this package.

``Rejected`` (in ``events.facts``) is the verdict on a whole record. The tree here is about single texts::

    ValueError
    └── BadText            a text that does not say what its field must say
        ├── BadInstant     not an RFC 3339 instant with offset
        ├── BadDate        not an existing YYYY-MM-DD date
        ├── BadZone        not a known IANA time zone
        ├── BadBucket      not a day, week, month, quarter or year
        └── BadOrigin      not topic/partition/offset/append-ms
"""

from __future__ import annotations


class BadText(ValueError):  # noqa: N818 - named for what it finds; an Error suffix would say no more
    """A text that does not say what its field must say."""


class BadInstant(BadText):
    """Not an RFC 3339 instant with offset, or outside the years of ``events.limits``."""


class BadDate(BadText):
    """Not an existing date written YYYY-MM-DD."""


class BadZone(BadText):
    """Not a known IANA time zone."""


class BadBucket(BadText):
    """Not a day, week, month, quarter or year that exists."""


class BadOrigin(BadText):
    """Not ``topic/partition/offset/append-ms``."""
