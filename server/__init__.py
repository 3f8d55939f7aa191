"""What runs beside the pipeline: starting, storing talks, static replies, and the few changes Rasa itself needs."""
