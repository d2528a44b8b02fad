"""Schemas of conversations: one file each, named by the schema."""
