"""Where people talk: one file or folder per place."""
