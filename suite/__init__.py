"""Conversations with expectations, for any bot that answers questions about dystonia, and the runner that scores it.

This folder stands by itself: it needs Python 3.9 and PyYAML, and nothing else of the project (suite/README.md).
"""
