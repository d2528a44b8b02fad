"""Causal language models with adapters, made for fast training on conversations.

`model` loads any that transformers knows and puts our layers into it; `rows` and `packing` lay
conversations one after another; `attention` keeps them apart; `loss` looks only where something is
to be learned; `fits` says whether all that computes what the plain model computes.
"""
