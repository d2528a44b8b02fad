"""What may be set for each task of the worker, and what is taken when it is not: a file a task.

Each has `LIMITS`, the values every parameter may take, in the order in which they are shown, and
`default(name, facts, found)`, the value taken when none is given, and why; `found` holds the
parameters decided before this one.
"""
