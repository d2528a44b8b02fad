"""What programs send to the model routes under `/v1` and what they get; HTTP itself is in server/.

`classify.py`: labels. `ask.py`: what may be asked of a chat model. `shapes.py`: its answers as
OpenAI's clients know them. `chat.py`: from the one to the other.
"""
