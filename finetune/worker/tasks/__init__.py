"""Training tasks: one file each, named by the task."""
