"""A detector of red flags that sees none: for the test that such a model does not serve."""

from __future__ import annotations

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.training_data.message import Message

from nlu.red_flags import RedFlagDetector


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER], is_trainable=True)
class BlindDetector(RedFlagDetector):
    """Loads what the real one has learned, and says nothing."""

    def read(self, message: Message) -> None:
        """Raises nothing."""
