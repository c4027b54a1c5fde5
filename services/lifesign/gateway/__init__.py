"""The HTTP prediction endpoint: is this face live?"""
