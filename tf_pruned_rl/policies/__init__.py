"""Exported policies: loaded, played, filmed.

TensorFlow is loaded for a SavedModel alone; nothing here loads what trains.
"""
