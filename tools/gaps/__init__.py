"""`make gaps`: what visitors asked and were not understood, as a worklist for new cards."""
