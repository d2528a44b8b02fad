"""What runs on the training machine: `python -m finetune.worker JOB_FOLDER`."""
