"""WHAT IT MEANS: the pure rules of sales, targets, the organisation, calendars and rankings; no input, no output."""
