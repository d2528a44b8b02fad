"""Chat datasets: conversations in, splits with a profile and problems out."""
