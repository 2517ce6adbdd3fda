"""Recorded histories: today's code must give the boards that were recorded with them."""
