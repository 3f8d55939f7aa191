"""`make adapter`: teaches the sentence encoder how people ask about dystonia."""
