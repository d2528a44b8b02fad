"""Conversations: their messages, the base model's chat template, and the tokens of both.

Training, evaluation, serving and the doctor go through this room, so all of them see the same
tokens. No torch and no transformers here.
"""
