"""Two models on the same samples, from two finished runs or two files of scores."""
