"""Hypothesis strategies over the generator of histories."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.histories.generator import Line, history


def histories(size_max: int = 60) -> st.SearchStrategy[list[Line]]:
    """Histories whose every draw is hypothesis' own, so that a failure shrinks to few and plain events."""
    return st.builds(history, st.randoms(use_true_random=False), st.integers(0, size_max))
