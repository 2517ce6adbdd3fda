"""The changelog protocol on random histories, without a broker."""
