"""Serve image classifiers, and keep proving that what is served is still good."""

import os

__version__ = "0.1.0"

# Before gRPC is imported: its handlers of forks hang the child now and then while other threads make calls.
# Ray forks for each of its processes; on a busy machine 9 of 48 starts were given up after 30 s, none so.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
