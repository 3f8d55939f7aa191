"""Tests. Those of channels/ talk to real servers; tests/running.py starts them."""
