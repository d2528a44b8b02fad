"""The conversation: what was asked becomes calls of tools, and events for a channel to show."""
