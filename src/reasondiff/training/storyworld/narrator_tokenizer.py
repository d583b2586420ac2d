"""The bundled narrator's tokenizer and processor, made from StoryWorld's own prompts and replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerFast

from reasondiff.narrator import write_reply
from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet
from reasondiff.storyworld.stories import NUM_FRAMES

__all__ = ["narrator_processor", "narrator_tokenizer", "save_processor"]

_SPECIAL = ("<pad>", "</s>", "<image>", "<reply>")
_SYNTAX = (
    '{"reasoning": "', '", "position":', ', "style": "', '", "clips": [{"end":', ', "description": "', '"}, {"end":',
    '"}]}',
)  # fmt: skip
"""What JSON adds between the words of a reply, each a token of its own."""

_TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}<reply>{% endif %}"
)


def _escaped(text: str) -> str:
    """A text as a regular expression of the tokenizers library."""
    return "".join(f"\\{character}" if character in '{}[]"' else character for character in text)


def narrator_tokenizer(*, vocabulary: int = 768, takes: int = 3000) -> PreTrainedTokenizerFast:
    """A byte-level BPE: any text can be written; StoryWorld's words, and the frames' numbers, are one token each.

    Args:
        vocabulary: tokens.
        takes: training clips whose prompts and replies are read.
    """
    escaped = "|".join(map(_escaped, _SYNTAX))
    words = r"| ?\p{L}+| ?\d{1,2}| ?[^\s\p{L}\d]|\s+"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(escaped + words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(takes), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        additional_special_tokens=["<image>", "<reply>"],
        extra_special_tokens={"image_token": "<image>"},
        padding_side="left",
        clean_up_tokenization_spaces=False,
        **dict(zip(("pad_token", "eos_token"), _SPECIAL, strict=False)),
    )


def narrator_processor(tokenizer: PreTrainedTokenizerFast, *, size: int, patch: int) -> LlavaProcessor:
    """Images to ``size`` x ``size`` pixels in -1..1, and a chat template of one image, the prompt and the reply."""
    images = CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return LlavaProcessor(
        images,
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,  # the tower's class token, which "default" leaves out again
        chat_template=_TEMPLATE,
    )


def save_processor(processor: LlavaProcessor, folder: Path) -> None:
    """Write a processor that reads images with Pillow everywhere: the same pixels with and without torchvision."""
    processor.save_pretrained(folder)
    path = folder / "processor_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["image_processor"]["image_processor_type"] = CLIPImageProcessorPil.__name__
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _texts(count: int) -> Iterator[str]:
    takes = TakeSet("train", hard=0.3)
    for index in range(count):
        take, rng = takes[index], takes.rng(index, "vocabulary")
        yield captions.user_prompt(take, rng)
        yield write_reply(captions.narrative(take, rng.randrange(NUM_FRAMES), rng))
    yield from ('"position": ' + " ".join(map(str, range(1, NUM_FRAMES + 1))) for _ in range(200))
