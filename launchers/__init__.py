"""Where jobs and services run: one file or folder per place."""
