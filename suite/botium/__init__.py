"""Runs a part of the suite through botium-core, from npm."""
