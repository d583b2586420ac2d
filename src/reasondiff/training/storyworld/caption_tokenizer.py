"""A tokenizer for a small world: T5's class, with the words that StoryWorld's captions use."""

from __future__ import annotations

import math
import re
import string
from collections import Counter

from transformers import T5Tokenizer

from reasondiff.storyworld import captions
from reasondiff.storyworld.dataset import TakeSet

__all__ = ["caption_tokenizer"]


def caption_tokenizer(*, max_length: int = 128, takes: int = 2000) -> T5Tokenizer:
    """Every word of the captions is one token; other words fall to letters, other scripts to <unk>.

    Args:
        max_length: tokens a prompt is padded or cut to in the transformer's own use (512 in Wan).
        takes: clips whose captions are read.
    """
    counts: Counter[str] = Counter()
    drawn = TakeSet("train", hard=0.3)
    for index in range(takes):
        take, rng = drawn[index], drawn.rng(index, "vocabulary")
        texts = (
            captions.user_prompt(take, rng),
            captions.clip_caption(take, rng),
            captions.style(take),
            *captions.frame_captions(take, rng),
        )
        for text in texts:
            counts.update(re.findall(r"[A-Za-z]+|[^\sA-Za-z]", text))
    words = sorted(word for word in counts if word.isalpha())
    total = math.log(sum(counts.values()))
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [(f"▁{word}", round(math.log(counts[word]) - total, 4)) for word in words]
    letters = string.ascii_letters + string.digits + string.punctuation
    vocabulary += [(letter, -12.0) for letter in letters]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=max_length)
