"""The core: curated facts about dystonia, and how they become answers. Plain Python, with no import of Rasa."""
