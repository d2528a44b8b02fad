"""From documents to cited answers."""
