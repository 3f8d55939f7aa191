"""What a turn could not do."""


class Undone(Exception):
    """What was said in a turn has not been done, so that it may not be said; the words quote no visitor."""
