"""Every limit of the pure core, in one place. Limits of the events themselves are in ``events.limits``."""

from __future__ import annotations

DAY_SLOTS_MAX = 65_536
"""Quarter hours of which one zone's table remembers the local day (680 days); it is emptied when full."""

BUCKETS_CACHED_MAX = 8_192
"""Days of which the five buckets are remembered (22 years)."""

CHAINS_CACHED_MAX = 500_000
"""Chains that a tree remembers over all days; they are forgotten together when there are more."""

CHAIN_DAYS_MAX = 4_096
"""Days that a tree has a table of chains for (11 years)."""

CHAIN_UNITS_MAX = 32
"""Units of a chain, the first included: a walk upwards ends there. Every sale counts in all scopes of its chain."""

SPAN_DAYS_MAX = 3_660
"""Days over which selling days are counted at once (10 years)."""

TARGET_FACTS_MAX = 64
"""Facts kept of one subject's target for one bucket and metric: the greatest, hence the latest revisions."""

DATED_FACTS_CACHED_MAX = 8_192
"""Facts of which the canonical text is remembered: a deployment's organisation, folded by partition after partition."""

CLOSE_DELAY_MS = 10_000
"""A year is closed to sales, targets and reps so long after ``period.closed`` was recorded: by then every worker knows
of it. The clocks of brokers may differ by less."""

CONTROL_AGE_MS_MAX = 2_000
"""A worker folds no record unless it has read the control stream to its end so lately: well within the delay."""
