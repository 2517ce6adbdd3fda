"""Peers: the same task in other ways. Each runs in an environment of its own and imports nothing of the product.

``make bench-setup`` makes the environments; the programs are started by ``bench.peer_legs``.
"""
