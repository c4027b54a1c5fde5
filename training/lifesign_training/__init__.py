"""Train image classifiers and export them for TensorFlow Serving."""
