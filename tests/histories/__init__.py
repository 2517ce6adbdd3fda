"""Small, nasty histories of events for the law tests."""
