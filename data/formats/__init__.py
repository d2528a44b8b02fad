"""File formats: one file each, named by the format."""
