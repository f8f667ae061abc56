"""Whole moves of hosted clusters of other kinds than the usual one: private ones, APIs by load balancers."""
