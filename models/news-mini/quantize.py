"""Writes `checkpoint/` as the int8 files that Fillrate embeds.

    python quantize.py

The weights of the layers and the word embeddings become signed bytes with one scale per row,
scale = max |w| / 127; biases, layer norms, positions and the classifier stay as they are, the
position embeddings as bf16. See README.md for what that costs in accuracy.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import data

QUANTIZED = ("word_embeddings.weight", "query.weight", "key.weight", "value.weight", "dense.weight")
HALVED = ("position_embeddings.weight", "token_type_embeddings.weight")
# What Fillrate reads of a configuration, and what tells a reader what the model is.
CONFIG_KEYS = [
    "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "intermediate_size", "hidden_act", "layer_norm_eps", "max_position_embeddings",
    "position_embedding_type", "type_vocab_size", "vocab_size", "pad_token_id", "id2label", "label2id",
]


def quantized(weight):
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / 127
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=data.HERE / "checkpoint")
    parser.add_argument("--output", type=Path, default=data.HERE)
    arguments = parser.parse_args()
    tensors = {}
    for name, tensor in load_file(arguments.checkpoint / "model.safetensors").items():
        if name.endswith("position_ids"):
            continue
        if name.endswith(QUANTIZED) and tensor.ndim == 2 and "pooler" not in name:
            tensors[name], tensors[name + "_scale"] = quantized(tensor.float())
        elif name.endswith(HALVED):
            tensors[name] = tensor.to(torch.bfloat16)
        else:
            tensors[name] = tensor.contiguous()
    save_file(tensors, arguments.output / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((arguments.checkpoint / "config.json").read_text())
    config = {key: config[key] for key in CONFIG_KEYS if key in config}
    (arguments.output / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    vocabulary = json.loads((arguments.checkpoint / "tokenizer.json").read_text())["model"]["vocab"]
    words = sorted(vocabulary, key=vocabulary.get)
    (arguments.output / "vocab.txt").write_text("".join(word + "\n" for word in words), encoding="utf-8")


if __name__ == "__main__":
    main()
