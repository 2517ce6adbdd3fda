"""Benchmarks: one command, one run, ratios; every figure's boards are checked against the oracle first."""
