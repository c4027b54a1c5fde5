"""How often a clean report may raise an alert, shared out among the kinds of alert that test something.

The shares add up to one report in a hundred. Within a kind the share is divided again over everything
that is tested (Bonferroni over tables, Holm or Benjamini–Hochberg within); an alert also needs an effect
that matters, so what is measured (``benchmarks/bias.py``) lies below.
"""

__all__ = ["DIFFERENTIAL_PERFORMANCE", "DRIFT", "PREDICTION_BIAS", "REGRESSION", "SHORTCUT"]

DIFFERENTIAL_PERFORMANCE = 0.004
PREDICTION_BIAS = 0.001
DRIFT = 0.002
REGRESSION = 0.002
SHORTCUT = 0.001
