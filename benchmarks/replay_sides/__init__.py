"""The sides of the replay benchmark: what is measured, and the processes it is measured in."""

import os

CORES = os.cpu_count() or 1
