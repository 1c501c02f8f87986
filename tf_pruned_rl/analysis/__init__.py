"""What run directories say: their records, the published curves, and figures of both. No TensorFlow."""
