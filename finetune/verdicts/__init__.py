"""What a finished run is worth, in honest words: a file for each task of the worker.

Each has `verdict(result)`: numbers in (the worker's `result.json`), words out; nothing is changed.
"""
