"""Mergeable statistics of classification and presentation-attack detection, and the metrics read off them."""
