"""Generated wire messages; regenerate with ``make proto``, never edit."""
