"""Exporting: a trained network as files that others can use.

Nothing is imported here: policy.json is read without TensorFlow, and a policy is loaded without
anything that trains.
"""
