"""Makes the golden vectors of the encoders: small random checkpoints, token ids, expected outputs.

Each folder written beside this file is a Hugging Face model directory (config.json and safetensors
weights) with a cases.json:

    {"sequences": [[token id, ...], ...], "outputs": [[value, ...], ...]}

An output is the logits of the sequence, or for `bert-embedding` its mean-pooled, normalised
embedding. Outputs are computed by `transformers` in float64, one sequence at a time, from the
weights as stored, so that they hold no rounding, padding or masking of anyone's.

    python golden/encoder/generate.py
"""

import json
import shutil
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

SEED = 20260
HERE = Path(__file__).resolve().parent

# Standard deviations of the random weights. The usual 0.02 would make all texts look alike; these
# spread the logits as training does, and keep attention away from both a uniform and a one-hot.
LINEAR_STD = 0.16
ATTENTION_STD = 0.22
EMBEDDING_STD = 0.6
CLASSIFIER_STD = 0.7

BERT = {
    "vocab_size": 160,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 40,
    "layer_norm_eps": 1e-12,
}
DISTILBERT = {
    "vocab_size": 160,
    "dim": 48,
    "n_layers": 2,
    "n_heads": 3,
    "hidden_dim": 96,
    "max_position_embeddings": 40,
}
ROBERTA = BERT | {"max_position_embeddings": 42, "layer_norm_eps": 1e-5, "pad_token_id": 1}


def labels(*names):
    return {"id2label": dict(enumerate(names)), "label2id": {n: i for i, n in enumerate(names)}}


def bert(**changes):
    return BertForSequenceClassification(BertConfig(**(BERT | changes)))


# name: (model, longest sequence, sequences, dtype of the stored weights, bytes per weights file)
CHECKPOINTS = {
    "bert": (
        lambda: bert(**labels("positive", "negative", "neutral")), 40, 240, torch.float32, None,
    ),
    # A cased and an uncased checkpoint differ in their tokenizers alone; this one has the two
    # unnamed classes that a configuration without labels means, and its weights in bfloat16.
    "bert-two-bf16": (lambda: bert(), 40, 240, torch.bfloat16, None),
    "bert-odd-relu": (
        lambda: bert(hidden_size=36, num_attention_heads=3, intermediate_size=70,
                     hidden_act="relu", layer_norm_eps=1e-6, **labels("a", "b", "c")),
        40, 240, torch.float32, None,
    ),
    "bert-stars-gelu-new": (
        lambda: bert(hidden_act="gelu_new", num_hidden_layers=3, type_vocab_size=1,
                     **labels("1 star", "2 stars", "3 stars", "4 stars", "5 stars")),
        40, 240, torch.float32, None,
    ),
    "bert-long-sharded": (
        lambda: bert(max_position_embeddings=512, num_hidden_layers=1, **labels("no", "yes")),
        512, 12, torch.float32, "60KB",
    ),
    "distilbert-f16": (
        lambda: DistilBertForSequenceClassification(
            DistilBertConfig(**DISTILBERT, **labels("NEGATIVE", "POSITIVE"))),
        40, 240, torch.float16, None,
    ),
    "roberta": (
        lambda: RobertaForSequenceClassification(
            RobertaConfig(**ROBERTA, **labels("negative", "neutral", "positive"))),
        40, 240, torch.float32, None,
    ),
    "xlm-roberta": (
        lambda: XLMRobertaForSequenceClassification(
            XLMRobertaConfig(**ROBERTA, **labels("negative", "neutral", "positive"))),
        40, 240, torch.float32, None,
    ),
    "bert-embedding": (
        lambda: BertModel(BertConfig(**BERT), add_pooling_layer=False),
        40, 60, torch.float32, None,
    ),
}


def randomise(model, generator):
    """Draws every weight anew, biases and layer norms included, so that none is left at 0 or 1."""
    for name, parameter in model.named_parameters():
        draw = torch.randn(parameter.shape, generator=generator)
        lower = name.lower()
        if "layernorm" in lower or "layer_norm" in lower:
            draw = draw * 0.2 + (1.0 if lower.endswith("weight") else 0.0)
        elif "embeddings" in lower:
            draw = draw * EMBEDDING_STD
        elif lower.endswith("bias"):
            draw = draw * 0.1
        elif any(part in lower for part in ("query", "key", "q_lin", "k_lin")):
            draw = draw * ATTENTION_STD
        elif lower in ("classifier.weight", "classifier.out_proj.weight"):
            draw = draw * CLASSIFIER_STD
        else:
            draw = draw * LINEAR_STD
        parameter.data = draw


def draw_sequences(count, longest, vocabulary, generator):
    """Sequences of 2 to `longest` tokens, both lengths included; the first token is always 2."""
    shortest_and_longest = [2, longest, longest, 2]
    lengths = shortest_and_longest + [
        2 + int(length) for length in generator.integers(0, longest - 1, count - 4)
    ]
    sequences = [[2, *map(int, generator.integers(0, vocabulary, n - 2)), 3] for n in lengths]
    # A literal padding token inside a text, of either family: RoBERTa's positions skip it.
    sequences[4][1:-1] = [7, 1, 9, 0, 1, 1, 11]
    return sequences


@torch.no_grad()
def expected(model, sequence):
    ids = torch.tensor([sequence])
    result = model(input_ids=ids, attention_mask=torch.ones_like(ids))
    if hasattr(result, "logits"):
        return result.logits[0].tolist()
    mean = result.last_hidden_state[0].mean(dim=0)
    return torch.nn.functional.normalize(mean, dim=0).tolist()


@torch.no_grad()
def centre(model, sequences):
    """Moves the classifier's bias so that each class has the same mean logit, and each wins."""
    head = model.classifier
    bias = (head if isinstance(head, torch.nn.Linear) else head.out_proj).bias
    outputs = torch.tensor([expected(model, sequence) for sequence in sequences])
    bias -= outputs.mean(dim=0).to(bias.dtype)


def report(name, outputs):
    values = numpy.array(outputs)
    winners = numpy.bincount(values.argmax(axis=1), minlength=values.shape[1])
    print(f"{name:22} outputs {values.min():7.3f} .. {values.max():6.3f}", end="  ")
    print(f"winners {winners.tolist()}" if values.shape[1] < 10 else "")


def draw(name):
    """The model of a checkpoint and its sequences."""
    make, longest, count, _, _ = CHECKPOINTS[name]
    seed = SEED + list(CHECKPOINTS).index(name)
    tokens = numpy.random.default_rng(seed)
    model = make().eval()
    randomise(model, torch.Generator().manual_seed(seed))
    sequences = draw_sequences(count, longest, model.config.vocab_size, tokens)
    if hasattr(model, "classifier"):
        centre(model, sequences)
    return model, sequences


def quantise(weight, scale_dtype):
    """Bytes and one scale per row: max |w| / 127, rounded to `scale_dtype`."""
    scale = (weight.abs().amax(dim=1, keepdim=True) / 127).to(scale_dtype)
    # Rounds halves to even.
    return (weight / scale.float()).round().clamp(-127, 127).to(torch.int8), scale


@torch.no_grad()
def ship_int8(model, directory):
    """Writes the model with int8 weights, and gives it the weights that these stand for.

    The scales are stored in each way that is supported. The classifier stays in float32.
    """
    model.save_pretrained(directory)
    tensors = {}
    for name, parameter in model.named_parameters():
        value = parameter.data
        if "encoder.layer" in name and value.dim() == 2:
            value, scale = quantise(value, torch.float32)
            tensors[f"{name}_scale"] = scale[:, 0].contiguous()
        elif name == "bert.embeddings.word_embeddings.weight":
            value, scale = quantise(value, torch.bfloat16)
            tensors[f"{name}_scale"] = scale
        elif name == "bert.pooler.dense.weight":
            value, scale = quantise(value, torch.float16)
            tensors[f"{name}_scale"] = scale
        tensors[name] = value
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    model.double()
    for name, parameter in model.named_parameters():
        if tensors[name].dtype == torch.int8:
            scale = tensors[f"{name}_scale"].double().reshape(-1, 1)
            parameter.data = scale * tensors[name].double()


def write_cases(directory, model, sequences):
    model.double().set_attn_implementation("eager")
    outputs = [expected(model, sequence) for sequence in sequences]
    report(directory.name, outputs)
    cases = {
        "sequences": sequences,
        "outputs": [[round(value, 9) for value in output] for output in outputs],
    }
    text = json.dumps(cases, separators=(",", ":")).replace("],[", "],\n[")
    (directory / "cases.json").write_text(text + "\n")


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name, (_, _, _, dtype, shard_size) in CHECKPOINTS.items():
        model, sequences = draw(name)
        directory = HERE / name
        shutil.rmtree(directory, ignore_errors=True)
        model.to(dtype)
        shards = {"max_shard_size": shard_size} if shard_size else {}
        model.save_pretrained(directory, **shards)
        write_cases(directory, model, sequences)

    # The weights of `bert`, quantised.
    model, sequences = draw("bert")
    directory = HERE / "bert-int8"
    shutil.rmtree(directory, ignore_errors=True)
    ship_int8(model, directory)
    write_cases(directory, model, sequences)


if __name__ == "__main__":
    main()
