"""AdventureWorks: a published set of real-looking sales, as events and as figures worked out apart from the product."""
