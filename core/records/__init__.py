"""The records: who has what, and in which state. SQLAlchemy tables and one database file."""
