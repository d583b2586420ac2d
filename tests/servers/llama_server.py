"""Run by the servers' own Python: llama.cpp's server on a tiny random model, made here.

python llama_server.py FOLDER PORT CONTEXT [KEY]
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WIDTH, HEADS, INNER, CONTEXT = 64, 4, 128, 32768
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def tokens() -> tuple[list[str], list[int]]:
    """A vocabulary of bytes, which can write anything, and their kinds."""
    kinds = gguf.TokenType
    special = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    bytes_ = [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    names, types = zip(*special, *bytes_, strict=True)
    return list(names), [int(each) for each in types]


def write_model(file: Path) -> None:
    """One layer of Llama with random weights."""
    names, kinds = tokens()
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(names))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores([0.0] * len(names))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(0)
    shapes = {
        "token_embd": (len(names), WIDTH), "output": (len(names), WIDTH),
        "blk.0.attn_q": (WIDTH, WIDTH), "blk.0.attn_k": (WIDTH, WIDTH), "blk.0.attn_v": (WIDTH, WIDTH),
        "blk.0.attn_output": (WIDTH, WIDTH), "blk.0.ffn_gate": (INNER, WIDTH), "blk.0.ffn_up": (INNER, WIDTH),
        "blk.0.ffn_down": (WIDTH, INNER),
    }  # fmt: skip
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0, 0.2, shape).astype(np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder: str, port: str, context: str, *keys: str) -> None:
    """Serve until the process is ended."""
    file = Path(folder) / "tiny.gguf"
    write_model(file)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(file)
    settings.hostnames = ["127.0.0.1"]
    settings.port = int(port)
    settings.n_ctx = int(context)
    settings.n_parallel = 1
    settings.n_gpu_layers = 0
    settings.api_keys = list(keys)
    settings.cpuparams.n_threads = 1
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    threading.Event().wait()


main(*sys.argv[1:])
