"""`memoryops models`: which encoders can run here; the one command that downloads, and only what it is told to."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from ...encoders.registry import FORMS, load
from . import output

if TYPE_CHECKING:
    from ...memory.settings import Settings


def show(settings: Settings, args: Namespace) -> int:
    """The forms of encoder that can be asked for."""
    if args.json:
        output.as_json(list(FORMS))
    else:
        for form in FORMS:
            output.line(form)
    return 0


def pull(settings: Settings, args: Namespace) -> int:
    """Load an encoder, fetching its model if it may, and say what it is."""
    encoder = load(args.spec, api_key=settings.embeddings_api_key, download=True)
    found = {"encoder": encoder.name, "dimension": encoder.dimension, "fingerprint": encoder.fingerprint}
    if args.json:
        output.as_json(found)
    else:
        output.line(f"{encoder.name} is here: {encoder.dimension} dimensions, {encoder.fingerprint}")
    return 0
