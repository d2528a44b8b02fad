"""The conversation: text in, events out."""
