"""`make evaluate`: how well held-out messages are understood, with intervals, goals and bounds.

``judging`` says what counts as right, ``measures`` makes shares of it, ``sections`` puts the figures together; ``table`` and
``page`` show them. What other commands and tests measure with stands here.
"""

from tools.evaluate.judging import accuracy, as_expected, compound_answered, fair, topic_of
from tools.evaluate.measures import share

__all__ = ["accuracy", "as_expected", "compound_answered", "fair", "share", "topic_of"]
