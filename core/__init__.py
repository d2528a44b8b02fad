"""What every room may use. Nothing here knows of training, serving, chat or HTTP."""
