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
from reasondiff.narrator.redo import redo_clip, retell_clip
from reasondiff.narrator.scripted import FileNarrator
from reasondiff.narrator.vision_narrator import NarrationWarning, VisionNarrator

__all__ = [
    "Bounds",
    "Cache",
    "Check",
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
    "VisionNarrator",
    "load_narrator",
    "load_provider",
    "parse",
    "pick",
    "redo_clip",
    "retell_clip",
    "write_reply",
]
