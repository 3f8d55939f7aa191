"""Channels: they take messages in, guard the door, and see to it that every accepted message gets one reply."""
