"""The demo organisation and its sales: invented people in a retail company, seeded, so that a run can be repeated."""
