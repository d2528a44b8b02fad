"""From a file to an immutable dataset version."""
