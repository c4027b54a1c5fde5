"""The embedded model server: TensorFlow Serving's interface without Docker."""
