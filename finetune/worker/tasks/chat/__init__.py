"""The task `chat`: answer in conversations as the training rows do."""
