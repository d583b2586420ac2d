"""A multi-modal model in this process, through transformers' Auto classes.

Every checkpoint goes this way, the bundled tiny narrator as well as Llama-3.2-11B-Vision-Instruct: what differs between
them is in their folders. Weights are safetensors only, and no code from a checkpoint is run.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reasondiff.checkpoints import check_narrator
from reasondiff.errors import CheckpointError, InputError, ProviderError
from reasondiff.narrator.providers.base import Message, Reply, without_system

__all__ = ["LocalModel", "find_file", "read_settings"]

SETTINGS = "narrator.json"
"""A file in a checkpoint's folder that says how to ask it; see docs/narrator.md."""


@dataclass
class LocalModel:
    """A checkpoint for ``AutoModelForImageTextToText``, loaded on first use.

    Args:
        model: folder or hub id.
        revision: of the hub repository.
        device_map: as in transformers: ``auto``, ``cpu``, ``cuda:0``...
        dtype: of the weights: ``auto``, ``bfloat16``, ``float16``, ``float32``.
        quantization: ``4bit`` or ``8bit`` through bitsandbytes, which needs its package and a GPU; None for none.
        constrained: write only what the schema allows; None where xgrammar is installed.
    """

    model: str
    revision: str | None = None
    device_map: str = "auto"
    dtype: str = "auto"
    quantization: Literal["4bit", "8bit"] | None = None
    constrained: bool | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)
    _loaded: _Loaded | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("No model is named; give --narrator transformers:PATH_OR_HUB_ID.")
        if self.quantization not in {None, "4bit", "8bit"}:
            raise InputError(f"The quantisation {self.quantization!r} is unknown; give '4bit' or '8bit'.")
        if self.dtype not in {"auto", "bfloat16", "float16", "float32"}:
            raise InputError(f"The dtype {self.dtype!r} is unknown; give auto, bfloat16, float16 or float32.")

    @property
    def name(self) -> str:
        return f"transformers:{self.model}"

    @property
    def identity(self) -> Mapping[str, Any]:
        """Includes the folder's files, so that new weights in the same place are another model."""
        files: list[list[Any]] = []
        if (folder := Path(self.model)).is_dir():
            states = [(path, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
            files = [[path.name, state.st_size, state.st_mtime_ns] for path, state in states]
        return {
            "name": self.name, "revision": self.revision, "dtype": self.dtype, "quantization": self.quantization,
            "constrained": self.constrained, "files": files,
        }  # fmt: skip

    def complete(
        self,
        messages: Sequence[Message],
        *,
        schema: Mapping[str, Any] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer the conversation; see ``Provider``. One request runs at a time."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self)
            try:
                return self._loaded.answer(messages, schema, max_tokens, temperature, seed, self.model)
            except ProviderError:
                raise
            except (ValueError, RuntimeError, IndexError) as error:  # RuntimeError: also too little memory
                raise ProviderError(f"The model {self.model!r} fails on this request: {_first_line(error)}") from error


def read_settings(model: str, revision: str | None = None) -> dict[str, Any]:
    """The checkpoint's ``narrator.json``; {} if it has none.

    Raises:
        CheckpointError: the file is no JSON object, or a file that says how to ask is missing where there was one.
    """
    check_narrator(Path(model))
    path = find_file(model, SETTINGS, revision)
    if path is None:
        return {}
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{SETTINGS} of {model!r} is not JSON ({error}); restore the file.") from None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{SETTINGS} of {model!r} is not a JSON object; restore the file.")
    return settings


def find_file(model: str, name: str, revision: str | None = None) -> Path | None:
    """A file of the checkpoint, in its folder or from the hub; None if there is none."""
    from transformers.utils.hub import cached_file

    try:
        path = cached_file(
            model, name, revision=revision, _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_gated_repo=False, _raise_exceptions_for_connection_errors=False,
        )  # fmt: skip
    except OSError:  # neither a folder nor a hub id; loading the model says so
        return None
    return Path(path) if path else None


class _Loaded:
    """Model and processor in memory."""

    def __init__(self, model: Any, processor: Any, constrained: bool) -> None:
        self.model, self.processor = model, processor
        self.constrained = constrained
        self.grammars: Any = None

    def answer(
        self, messages: Sequence[Message], schema: Any, max_tokens: int, temperature: float, seed: int, name: str
    ) -> Reply:
        import torch
        from transformers import LogitsProcessorList

        inputs = self.inputs(messages).to(self.model.device, dtype=self.model.dtype)
        asked = inputs["input_ids"].shape[1]
        room = self.context() - asked
        if room < 16:
            raise ProviderError(
                f"The request has {asked} tokens and {name!r} reads {self.context()}; shorten the prompt."
            )
        constrained = schema is not None and self.constrained
        follow = LogitsProcessorList([self.follower(schema)] if constrained else [])
        sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
        limit = min(max_tokens, room)
        with torch.inference_mode(), torch.random.fork_rng(devices=self.cuda_devices()):
            torch.manual_seed(seed)
            written = self.model.generate(**inputs, max_new_tokens=limit, logits_processor=follow, **sampling)
        tokens = written[0, asked:]
        ended = len(tokens) > 0 and int(tokens[-1]) in self.stop_tokens()
        return Reply(
            text=self.processor.decode(tokens, skip_special_tokens=True).strip(),
            cut=not ended and len(tokens) >= limit,
            tokens_in=asked,
            tokens_out=len(tokens),
            details={"model": name, "structure": "xgrammar" if constrained else "text"},
        )

    def inputs(self, messages: Sequence[Message]) -> Any:
        """Token ids and pixels; the chat template where the processor has one."""
        images = [image for message in messages for image in message.images]
        if getattr(self.processor, "chat_template", None):
            given = {"text": self.rendered(messages), "images": images or None, "return_tensors": "pt"}
            inputs = self.processor(**given, add_special_tokens=False)
            start = self.processor.tokenizer.bos_token_id
            if start is None or (inputs["input_ids"] == start).any():
                return inputs
            return self.processor(**given)  # neither template nor processor wrote BOS, which the tokenizer may add
        token = getattr(self.processor, "image_token", "")
        text = "\n".join(token * (m.text.count(token) < len(m.images)) + m.text for m in messages)
        return self.processor(text=text, images=images or None, return_tensors="pt")

    def rendered(self, messages: Sequence[Message]) -> str:
        """The conversation in the model's own form.

        Templates differ in what they make of a system turn: some leave it out, some print its list of parts as Python
        would, some raise. Where it does not come through word for word, it goes to the head of the user's turn.

        Raises:
            ValueError: the template takes it in neither place.
        """
        told = [message.text.strip() for message in messages if message.role == "system"]
        try:
            text = self.templated(messages)
        except ValueError:
            if not told:
                raise
        else:
            if all(each in text for each in told):
                return text
        return self.templated(without_system(messages))

    def templated(self, messages: Sequence[Message]) -> str:
        """The conversation as the chat template writes it.

        Raises:
            ValueError: whatever the template raises.
        """
        turns = [{"role": message.role, "content": _content(message)} for message in messages]
        try:
            return str(self.processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))
        except Exception as error:  # a template is a program from elsewhere
            said = _first_line(error).rstrip(".")
            raise ValueError(
                f"its chat template does not take the conversation ({said}); use another model, or mend the template."
            ) from None

    def follower(self, schema: Mapping[str, Any]) -> Any:
        from reasondiff.narrator.providers.constrained import Grammars

        if self.grammars is None:
            head = self.model.get_output_embeddings()
            size = head.weight.shape[0] if head is not None else self.model.config.get_text_config().vocab_size
            self.grammars = Grammars(self.processor.tokenizer, size, sorted(self.stop_tokens()))
        return self.grammars.processor(schema)

    def stop_tokens(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        if ends is None:
            ends = self.processor.tokenizer.eos_token_id
        return set(ends if isinstance(ends, list) else [] if ends is None else [ends])

    def context(self) -> int:
        return int(getattr(self.model.config.get_text_config(), "max_position_embeddings", 1 << 30))

    def cuda_devices(self) -> list[int]:
        return [self.model.device.index or 0] if self.model.device.type == "cuda" else []


def _content(message: Message) -> Any:
    return [*({"type": "image"} for _ in message.images), {"type": "text", "text": message.text}]


def _load(options: LocalModel) -> _Loaded:
    from reasondiff.finite import check_finite
    from reasondiff.narrator.providers.constrained import available
    from reasondiff.quiet import quiet_libraries

    with quiet_libraries():
        from transformers import AutoModelForImageTextToText, AutoProcessor

    name = options.model
    if os.sep in name and not Path(name).is_dir() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise CheckpointError(f"There is no model folder {name!r}; check the path.")
    constrained = available() if options.constrained is None else options.constrained
    if constrained and not available():
        raise InputError("Constrained decoding needs xgrammar; install it with pip install 'reasondiff[constrained]'.")
    shared: dict[str, Any] = {"revision": options.revision, "trust_remote_code": False}
    try:
        with quiet_libraries():
            processor = AutoProcessor.from_pretrained(name, **shared)
            model = AutoModelForImageTextToText.from_pretrained(
                name, use_safetensors=True, dtype=options.dtype, device_map=options.device_map,
                quantization_config=_quantization(options.quantization), **shared,
            )  # fmt: skip
    except ImportError as error:
        raise CheckpointError(f"The model {name!r} needs a package that is missing: {_first_line(error)}") from None
    except Exception as error:  # anything may be wrong with a folder from elsewhere
        raise CheckpointError(
            f"The model {name!r} cannot be loaded ({_first_line(error)}); check its name and its files."
        ) from None
    check_finite(model, f"narrator {name!r}", Path(name))
    return _Loaded(model.eval(), processor, constrained)


def _first_line(error: Exception) -> str:
    return next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)


def _quantization(kind: str | None) -> Any:
    if kind is None:
        return None
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_4bit=kind == "4bit", load_in_8bit=kind == "8bit")
