"""Custom actions: thin. They turn tracker and parse into questions, ask the core, and hand back what it says."""
from actions.actions import ActionAnswer, ActionContinue

__all__ = ["ActionAnswer", "ActionContinue"]
