"""WHO ASKS: the read API over the boards, its live streams, and the page that shows them."""
