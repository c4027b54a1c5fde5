"""What holds for every test."""

from hypothesis import settings

import lifesign  # noqa: F401  it sets up gRPC, which many tests import by themselves

# A loaded machine is slow, not wrong: the times of single examples say nothing.
settings.register_profile("without deadline", parent=settings(), deadline=None)
settings.load_profile("without deadline")
