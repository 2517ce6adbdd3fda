"""Bugs to plant, each with the test that must catch it."""
