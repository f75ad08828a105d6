"""Listening to the Pixels: the stages of the pipeline (verbs, one module each) and the rooms they call (nouns)."""
