"""Selection by keywords and place: what every install has and needs no model for."""

from .compressor import Extractive

__all__ = ["Extractive"]
