"""Training tasks: a file or folder each, named by the task.

A task offers what `job.json` may ask of it, each writing `result.json` last:

    train(folder, spec, journal, stop)    baselines, tuning, evaluation, what will be served
    probe(folder, spec, journal)          what the training would take, from a few true steps
"""
