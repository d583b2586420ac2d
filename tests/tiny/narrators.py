"""Real transformers checkpoints, random and tiny, whose processors need no torchvision."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

from reasondiff.narrator.asking.instruction import read_prompt

CHAT = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}assistant: "
)


def byte_level_tokenizer(specials: list[str], size: int = 600, begins: bool = False) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on the project's own prompts; ``begins``: with BOS, as Llama's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "</s>", "<pad>", *specials],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    names = ("narrate.v1.txt", "rank.v1.txt", "caption.v1.txt", "examples.v1.json")
    tokenizer.train_from_iterator([read_prompt(name) for name in names], trainer)
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", extra_special_tokens=specials
    )


def write_llava(folder: Path, settings: dict | None = None, template: str | None = None, begins: bool = False) -> Path:
    torch.manual_seed(0)
    tokenizer = byte_level_tokenizer(["<image>"], begins=begins)
    processor = LlavaProcessor(
        LlavaImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer) + 8,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=4096,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    return _write(folder, LlavaForConditionalGeneration(config), processor, settings)


def write_mllama(folder: Path, settings: dict | None = None, template: str | None = None, begins: bool = False) -> Path:
    torch.manual_seed(0)
    tokenizer = byte_level_tokenizer(["<|image|>", "<|python_tag|>"], begins=begins)
    processor = MllamaProcessor(
        MllamaImageProcessorPil(size={"height": 32, "width": 32}, max_image_tiles=2),
        tokenizer,
        chat_template=template or CHAT.replace("IMAGE", "<|image|>"),
    )
    config = MllamaConfig(
        vision_config={
            "hidden_size": 16, "attention_heads": 2, "num_hidden_layers": 2, "num_global_layers": 1,
            "intermediate_size": 32, "image_size": 32, "patch_size": 8, "max_num_tiles": 2,
            "intermediate_layers_indices": [0, 1], "vision_output_dim": 48,
            "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        },
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "cross_attention_layers": [1],
            "max_position_embeddings": 4096, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<|image|>"),
    )  # fmt: skip
    return _write(folder, MllamaForConditionalGeneration(config), processor, settings)


def _write(folder: Path, model, processor, settings: dict | None) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    if settings is not None:
        (folder / "narrator.json").write_text(json.dumps(settings))
    return folder


def write_qwen_vl(folder: Path, settings: dict | None = None) -> Path:
    """Qwen2-VL; its processor holds a video processor, which needs torchvision."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    torch.manual_seed(0)
    marks = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = byte_level_tokenizer(marks)
    start, end, image, video = tokenizer.convert_tokens_to_ids(marks)
    processor = Qwen2VLProcessor(
        Qwen2VLImageProcessorPil(patch_size=8, size={"shortest_edge": 256, "longest_edge": 4096}),
        tokenizer,
        Qwen2VLVideoProcessor(patch_size=8),
        chat_template=CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"),
    )
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 8, "mlp_ratio": 2},
        image_token_id=image, video_token_id=video, vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    return _write(folder, Qwen2VLForConditionalGeneration(config), processor, settings)
