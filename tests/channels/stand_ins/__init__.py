"""Servers that stand in for Slack and Telegram: on the loopback address, with their limits, their refusals and their moods."""
