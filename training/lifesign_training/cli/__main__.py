"""``python -m lifesign_training.cli``, the same as ``lifesign-train``."""

from lifesign_training.cli import main

main()
