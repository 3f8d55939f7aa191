"""What runs beside the pipeline: starting, storing talks, static replies, and the few changes Rasa itself needs."""

import os

# Rasa 3.6 is of 2023, and so is what it wants of SQLAlchemy, which would say so at each start.
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
