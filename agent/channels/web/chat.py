"""The Chainlit file: run by Chainlit under a name of its own, imported by nobody."""

from agent.channels.web import callbacks, desk

callbacks.register(desk.current())
