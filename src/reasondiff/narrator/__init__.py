"""VisionNarrator: one image and one text in, a ``Narrative`` out (Sec. 3.2)."""

from __future__ import annotations

from reasondiff.narrator.asking.form import Bounds, Form, write_reply
from reasondiff.narrator.asking.instruction import Instruction
from reasondiff.narrator.base import NarratesImages, Narrator, ScriptedNarrator, load_narrator, load_provider
from reasondiff.narrator.cache import Cache
from reasondiff.narrator.providers.base import Message, Provider, Reply
from reasondiff.narrator.providers.local import LocalModel
from reasondiff.narrator.providers.openai_server import Server
from reasondiff.narrator.ranking import pick
from reasondiff.narrator.reading.consistency import Check
from reasondiff.narrator.reading.parse import Parsed, parse
from reasondiff.narrator.retelling import describe_clip_again, retell_clip
from reasondiff.narrator.scripted import FileNarrator
from reasondiff.narrator.verifier import ClipVerdict, Verification, Verifier, VisionVerifier, verifier_of
from reasondiff.narrator.vision_narrator import NarrationWarning, VisionNarrator

__all__ = [
    "Bounds",
    "Cache",
    "Check",
    "ClipVerdict",
    "FileNarrator",
    "Form",
    "Instruction",
    "LocalModel",
    "Message",
    "NarratesImages",
    "NarrationWarning",
    "Narrator",
    "Parsed",
    "Provider",
    "Reply",
    "ScriptedNarrator",
    "Server",
    "Verification",
    "Verifier",
    "VisionNarrator",
    "VisionVerifier",
    "describe_clip_again",
    "load_narrator",
    "load_provider",
    "parse",
    "pick",
    "retell_clip",
    "verifier_of",
    "write_reply",
]
