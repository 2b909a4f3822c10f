"""Writes a small Llama with random weights, which llama.cpp loads and runs.

What it says means nothing; that it is a real model under a real engine is the point. The rows of
the output matrix that belong to control and byte tokens are zero, so that greedy decoding picks
words: every token then is a piece of text, and no answer ends before its limit.
"""

import sys

import gguf
import numpy as np

SEED = 20260105
LAYERS, WIDTH, HEADS, INNER, CONTEXT = 4, 256, 8, 1024, 4096

CONSONANTS, VOWELS = "bdfgklmnprst", "aeiou"
WORDS = ["\u2581" + c + v + d for c in CONSONANTS for v in VOWELS for d in CONSONANTS]


def vocabulary():
    """Control tokens, the 256 bytes, and made-up words, with SentencePiece's scores and types."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + WORDS
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    types += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(WORDS)
    scores = [0.0] * 259 + [-float(rank) for rank in range(len(WORDS))]
    return tokens, types, scores


def main(path):
    rng = np.random.default_rng(SEED)
    tokens, types, scores = vocabulary()

    def matrix(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.encode() for token in tokens])
    writer.add_token_types(types)
    writer.add_token_scores(scores)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)

    writer.add_tensor("token_embd.weight", matrix(len(tokens), WIDTH) * np.sqrt(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        writer.add_tensor(name + "attn_norm.weight", np.ones(WIDTH, np.float32))
        for projection in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{name}{projection}.weight", matrix(WIDTH, WIDTH))
        writer.add_tensor(name + "ffn_norm.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(name + "ffn_gate.weight", matrix(INNER, WIDTH))
        writer.add_tensor(name + "ffn_up.weight", matrix(INNER, WIDTH))
        writer.add_tensor(name + "ffn_down.weight", matrix(WIDTH, INNER))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    output = matrix(len(tokens), WIDTH)
    output[:259] = 0
    writer.add_tensor("output.weight", output)

    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
