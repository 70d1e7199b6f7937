"""A load test: ``python -m tests.load``."""
