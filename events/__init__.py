"""WHAT HAPPENED: the contract with whoever sends events.

``contract`` holds one class per event type and ``registry`` the table of types. ``codec`` turns Kafka records and lines
of JSON into facts and back. Everything a record can be refused for is named in ``reasons``, every bound in ``limits``.
"""
