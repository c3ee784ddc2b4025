"""One sentence in a workflow becomes a verified deployment, with a model on your own machine."""

__version__ = "0.1.0"
