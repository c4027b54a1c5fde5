"""The folder layouts that public liveness sets are published in, one module each.

A layout is an object: ``matches`` tells it from a listing, ``read`` turns the listing into rows.
"""
