"""VisionNarrator: one image and one text in, a ``Narrative`` out (Sec. 3.2)."""

from __future__ import annotations

from reasondiff.narrator.base import Narrator, ScriptedNarrator, load_narrator, load_provider
from reasondiff.narrator.cache import Cache
from reasondiff.narrator.checks import Check
from reasondiff.narrator.form import Bounds, Form, write_reply
from reasondiff.narrator.instruction import Instruction
from reasondiff.narrator.local import LocalModel
from reasondiff.narrator.messages import Message, Provider, Reply
from reasondiff.narrator.parse import Parsed, parse
from reasondiff.narrator.ranking import pick
from reasondiff.narrator.redo import redo_clip
from reasondiff.narrator.scripted import FileNarrator
from reasondiff.narrator.server import Server
from reasondiff.narrator.vision import NarrationWarning, VisionNarrator

__all__ = [
    "Bounds",
    "Cache",
    "Check",
    "FileNarrator",
    "Form",
    "Instruction",
    "LocalModel",
    "Message",
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
    "write_reply",
]
