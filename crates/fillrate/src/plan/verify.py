"""Runs training steps of a described run under PyTorch and says what they allocated.

Reads one JSON object from standard input and writes one to standard output:

    {"training": {…}, "stage": 0, "batch_sizes": [8, 16], "steps": 3, "mode": "auto"}
    {"mode": "fake", "versions": {…}, "results": [{"batch_size": 8, "allocated_bytes": …,
      "reserved_bytes": null, "context_bytes": null, "parameters": …, "out_of_memory": false}, …]}

`training` is a run as Fillrate's planner serialises it. In mode `cuda` each batch size runs in a
process of its own under torch.cuda; in mode `fake` nothing is computed: FakeTensorMode makes tensors
without memory, and MemTracker counts what would be alive. `auto` takes a GPU if there is one. Needs
torch 2.6 or later and transformers 5.

PyTorch's engine does not run backward over tensors of a GPU that is not there, so mode `fake` has them
on the processor and calls what the GPU would run where that differs: dropout in one operation with a
mask of bytes, autocast's operations in 32 bits, and the memory-efficient attention kernel.
"""

import contextlib
import functools
import gc
import json
import math
import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import nn


def config_of(shape, attention, dropout, labels):
    """The transformers configuration of a shape."""
    import transformers

    family = shape["family"]
    hidden, attending = dropout["hidden"], dropout["attention"]
    common = {"vocab_size": shape["vocabulary"], "num_labels": labels,
              "problem_type": "single_label_classification"}
    sizes = {
        "hidden_size": shape["hidden"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "intermediate_size": shape["intermediate"],
        "max_position_embeddings": shape["positions"],
    }
    dropouts = {"hidden_dropout_prob": hidden, "attention_probs_dropout_prob": attending}
    if family == "bert":
        config = transformers.BertConfig(
            **common, **sizes, **dropouts, type_vocab_size=shape["token_types"])
    elif family == "roberta":
        config = transformers.RobertaConfig(
            **common, **sizes, **dropouts, type_vocab_size=shape["token_types"])
    elif family == "distil_bert":
        config = transformers.DistilBertConfig(
            **common, dim=shape["hidden"], n_layers=shape["layers"], n_heads=shape["heads"],
            hidden_dim=shape["intermediate"], max_position_embeddings=shape["positions"],
            dropout=hidden, attention_dropout=attending, seq_classif_dropout=hidden)
    elif family == "mpnet":
        config = transformers.MPNetConfig(
            **common, **sizes, **dropouts,
            relative_attention_num_buckets=shape["relative_positions"])
    elif family == "deberta_v2":
        config = transformers.DebertaV2Config(
            **common, **sizes, **dropouts, type_vocab_size=0, relative_attention=True,
            position_buckets=shape["relative_positions"], norm_rel_ebd="layer_norm",
            share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False,
            pooler_dropout=0.0, pooler_hidden_act="gelu")
    elif family == "modern_bert":
        config = transformers.ModernBertConfig(
            **common, **sizes, mlp_dropout=hidden, attention_dropout=attending,
            embedding_dropout=hidden, classifier_dropout=hidden)
    else:
        raise SystemExit(f"unknown family {family}")
    fused = family not in ("mpnet", "deberta_v2")
    config._attn_implementation = "sdpa" if attention == "sdpa" and fused else "eager"
    return config


TARGETS = {
    "bert": ["attention.self.query", "attention.self.key", "attention.self.value",
             "attention.output.dense", "intermediate.dense", "output.dense"],
    "distil_bert": ["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin",
                    "ffn.lin1", "ffn.lin2"],
    "mpnet": ["attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o",
              "intermediate.dense", "output.dense"],
    "deberta_v2": ["attention.self.query_proj", "attention.self.key_proj",
                   "attention.self.value_proj", "attention.output.dense", "intermediate.dense",
                   "output.dense"],
    "modern_bert": ["attn.Wqkv", None, None, "attn.Wo", "mlp.Wi", "mlp.Wo"],
}
TARGETS["roberta"] = TARGETS["bert"]
ORDER = ["query", "key", "value", "attention_output", "intermediate", "output"]


class LowRank(nn.Module):
    """A frozen matrix with a low-rank one beside it, as peft computes it."""

    def __init__(self, base, rank, dropout):
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, rank, bias=False, dtype=torch.float32)
        self.up = nn.Linear(rank, base.out_features, bias=False, dtype=torch.float32)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        result = self.base(x)
        x = x.to(self.down.weight.dtype)
        return result + self.up(self.down(self.dropout(x))) * 2.0


def add_adapters(model, family, lora):
    """Puts adapters beside the target matrices of each layer."""
    for name, module in list(model.named_modules()):
        for target in lora["targets"]:
            path = TARGETS[family][ORDER.index(target)]
            # `output.dense` of the layer is not `attention.output.dense`.
            if path is None or not name.endswith("." + path):
                continue
            if path == "output.dense" and name.endswith("attention.output.dense"):
                continue
            if isinstance(module, nn.Linear) and (".layer." in name or ".layers." in name
                                                  or name.startswith("layer")):
                parent = model.get_submodule(name.rpartition(".")[0])
                setattr(parent, name.rpartition(".")[2],
                        LowRank(module, lora["rank"], lora["dropout"]))


class Experts(nn.Module):
    """A gate, experts of two layers, a projection; texts are spread evenly over the experts."""

    def __init__(self, width, moe):
        super().__init__()
        self.moe = moe
        self.gate = nn.Linear(width, moe["experts"])
        self.first = nn.ModuleList(
            nn.Linear(width, moe["intermediate"]) for _ in range(moe["experts"]))
        self.second = nn.ModuleList(
            nn.Linear(moe["intermediate"], width) for _ in range(moe["experts"]))
        self.projection = nn.Linear(width, moe["output"]) if moe["output"] else None

    def forward(self, x):
        weights = F.softmax(self.gate(x), dim=-1)
        share = math.ceil(x.shape[0] * self.moe["active"] / self.moe["experts"])
        result = x * 1.0
        for index, (first, second) in enumerate(zip(self.first, self.second)):
            rows = torch.arange(share, device=x.device)
            output = second(F.gelu(first(x.index_select(0, rows))))
            output = output * weights.index_select(0, rows)[:, index:index + 1]
            result = result.index_add(0, rows, output.to(result.dtype))
        return self.projection(result) if self.projection is not None else result


class Run(nn.Module):
    """The encoders of a run and its loss."""

    def __init__(self, training, stage):
        import transformers

        super().__init__()
        self.training_run, self.stage = training, stage
        objective = training["objective"]
        self.kind = objective if isinstance(objective, str) else next(iter(objective))
        labels = objective["classification"]["labels"] if self.kind == "classification" else 2
        encoders = training["encoders"]
        joined = sum(e["shape"]["hidden"] * e["channels"] for e in encoders)
        single = (len(encoders) == 1 and encoders[0]["channels"] == 1 and not training["moe"])
        if self.kind == "classification" and single:
            make = transformers.AutoModelForSequenceClassification.from_config
        elif self.kind == "masked_lm":
            make = transformers.AutoModelForMaskedLM.from_config
        else:
            make = transformers.AutoModel.from_config
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(
            training["precision"], torch.float32)
        self.single = single
        torch.set_default_dtype(dtype)
        self.owners, self.models = [], nn.ModuleList()
        for encoder in encoders:
            if encoder["shares_with"] is not None:
                self.owners.append(self.owners[encoder["shares_with"]])
                continue
            config = config_of(encoder["shape"], training["attention"], encoder["dropout"], labels)
            model = make(config, attn_implementation=config._attn_implementation)
            self.freeze(model, encoder)
            if training["checkpointing"]:
                enable = getattr(model, "activation_checkpointing_enable",
                                 model.gradient_checkpointing_enable)
                enable({"use_reentrant": False})
                # Reentrant checkpoints would need gradients of the embeddings.
                if getattr(model, "_require_grads_hooks", None):
                    model.disable_input_require_grads()
            self.owners.append(len(self.models))
            self.models.append(model)
        self.experts = Experts(joined, training["moe"]) if training["moe"] else None
        width = joined
        if training["moe"] and training["moe"]["output"]:
            width = training["moe"]["output"]
        self.classes = None
        if self.kind == "classification" and not single:
            self.classes = nn.Linear(width, labels)
        torch.set_default_dtype(torch.float32)

    @staticmethod
    def freeze(model, encoder):
        trainable = encoder["trainable"]
        if trainable == "all":
            return
        base = model.base_model
        base.requires_grad_(False)
        if isinstance(trainable, dict):
            add_adapters(base, encoder["shape"]["family"], trainable["lora"])

    def forward(self, batches, labels):
        if self.kind == "masked_lm" or (self.kind == "classification" and self.single):
            return self.models[0](**batches[0], labels=labels).loss
        vectors = []
        for index, batch in enumerate(batches):
            state = self.models[self.owners[index]](**batch).last_hidden_state
            if self.kind == "classification":
                vector = state[:, 0]
            else:
                mask = batch["attention_mask"].unsqueeze(-1).expand(state.size()).float()
                vector = torch.sum(state * mask, 1) / torch.clamp(mask.sum(1), min=1e-9)
            vectors.append(vector.reshape(vector.shape[0] // self.channels(index), -1))
        joined = vectors[0] if len(vectors) == 1 else torch.cat(vectors, dim=-1)
        if self.experts is not None:
            joined = self.experts(joined)
        if self.kind == "classification":
            return F.cross_entropy(self.classes(joined), labels)
        return self.contrast(F.normalize(joined, dim=1))

    def channels(self, index):
        return self.training_run["encoders"][index]["channels"]

    def contrast(self, unit):
        rows = self.stage["batch_size"]
        per_row = 1 + self.stage["positives"] + self.stage["negatives"]
        anchors = unit[:rows]
        others = unit[rows:] if per_row > 1 else unit
        target = torch.arange(rows, device=unit.device)
        if self.training_run["objective"]["contrastive"]["shared_negatives"]:
            logits = torch.mm(anchors, others.transpose(0, 1)) * 20.0
        else:
            others = others.reshape(rows, -1, unit.shape[1])
            logits = (anchors.unsqueeze(1) * others).sum(-1) * 20.0
            target = torch.zeros_like(target)
        return F.cross_entropy(logits, target)


def batches_of(training, stage, device):
    """Random ids, and masks with padding, so that no mask is left out."""
    rows = stage["batch_size"] * (1 + stage["positives"] + stage["negatives"])
    batches = []
    for encoder in training["encoders"]:
        shape = (rows * encoder["channels"], stage["length"])
        ids = torch.randint(5, 100, shape, device=device)
        mask = torch.ones(shape, dtype=torch.long, device=device)
        mask[0, -1:] = 0
        batch = {"input_ids": ids, "attention_mask": mask}
        if encoder["shape"]["token_types"] > 1:
            batch["token_type_ids"] = torch.zeros(shape, dtype=torch.long, device=device)
        batches.append(batch)
    objective = training["objective"]
    if objective == "masked_lm":
        labels = torch.zeros((rows, stage["length"]), dtype=torch.long, device=device)
    else:
        labels = torch.zeros((stage["batch_size"],), dtype=torch.long, device=device)
    return batches, labels


def optimizer_of(training, parameters):
    """The run's optimizer."""
    name = training["optimizer"]
    if isinstance(name, dict):
        momentum = 0.9 if name["sgd"]["momentum"] else 0.0
        return torch.optim.SGD(parameters, lr=1e-3, momentum=momentum, foreach=True)
    if name == "adam_w":
        return torch.optim.AdamW(parameters, lr=1e-5, foreach=True)
    if name == "adam_w_fused":
        return torch.optim.AdamW(parameters, lr=1e-5, fused=True)
    if name == "adafactor":
        from transformers.optimization import Adafactor
        return Adafactor(parameters, lr=1e-3, relative_step=False, scale_parameter=False)
    if name == "adam_w8bit":
        import bitsandbytes
        return bitsandbytes.optim.AdamW8bit(parameters, lr=1e-5)
    raise SystemExit(f"unknown optimizer {name}")


def train(training, stage, run, optimizer, steps, device, after_pass=None):
    """The steps of a run."""
    mixed = {"fp16_mixed": torch.float16, "bf16_mixed": torch.bfloat16}.get(training["precision"])
    before = training["zero_grad"] == "before_backward"
    for _ in range(steps):
        for part in range(min(stage["accumulate"], 2)):
            batches, labels = batches_of(training, stage, device)
            context = (torch.autocast(device, dtype=mixed) if mixed
                       else contextlib.nullcontext())
            with context:
                loss = run(batches, labels)
            if before and part == 0:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            del loss, batches, labels
            if after_pass is not None:
                after_pass()
        optimizer.step()
        if not before:
            optimizer.zero_grad(set_to_none=True)


def fused_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                    enable_gqa=False):
    """What scaled_dot_product_attention runs on a GPU where there is a mask: the memory-efficient
    kernel, with a mask of numbers whose rows are multiples of 16.

    Source: aten/src/ATen/native/transformers/attention.cpp."""
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        query, key, value = (t.to(dtype) for t in (query, key, value))
    bias = attn_mask
    if bias is not None and bias.dtype == torch.bool:
        zero = torch.zeros((), dtype=query.dtype, device=query.device)
        bias = torch.where(bias.logical_not(), float("-inf"), zero)
    if bias is not None:
        length = bias.shape[-1]
        if length % 16:
            bias = F.pad(bias, (0, 16 - length % 16))[..., :length]
        bias = bias.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    return torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, True, dropout_p, is_causal, scale=scale)[0]


def dropout(input, p=0.5, training=True, inplace=False):
    """Dropout as a GPU runs it.

    Source: is_fused_kernel_acceptable in aten/src/ATen/native/Dropout.cpp."""
    if p == 0.0 or not training:
        return input
    return torch.native_dropout(input, p, True)[0]


def in_32_bits(function):
    """A function that autocast runs in 32 bits on a GPU.

    Source: the list `fp32` of aten/src/ATen/autocast_mode.h."""

    @functools.wraps(function)
    def wrapped(input, *args, **kwargs):
        if torch.is_autocast_enabled("cpu") and kwargs.get("dtype") is None:
            input = input.float()
        return function(input, *args, **kwargs)

    return wrapped


def run_as_a_gpu():
    """Replaces what differs on the processor, and what looks at numbers: weights are not drawn."""
    import transformers

    transformers.PreTrainedModel._initialize_weights = lambda self, *_, **__: None
    F.scaled_dot_product_attention = fused_attention
    F.dropout = dropout
    for name in ("layer_norm", "softmax", "cross_entropy"):
        setattr(F, name, in_32_bits(getattr(F, name)))


class Removable:
    """The handle of a hook that was never set."""

    def remove(self):
        pass


def no_hook(_):
    return Removable()


def measure_fake(request, batch_size):
    """Peak of what is alive, without computing anything."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker

    if F.dropout is not dropout:
        run_as_a_gpu()
    training = request["training"]
    stage = dict(training["stages"][request["stage"]], batch_size=batch_size)
    with FakeTensorMode(allow_non_fake_inputs=True):
        run = Run(training, stage)
        run.train()
        parameters = [p for p in run.parameters() if p.requires_grad]
        optimizer = optimizer_of(training, parameters)
        for parameter in run.parameters():
            if not parameter.requires_grad:
                # MemTracker hooks the gradient of every parameter, and these have none.
                parameter.register_hook = no_hook
                parameter.register_post_accumulate_grad_hook = no_hook
        tracker = MemTracker()
        tracker.track_external(run, optimizer)
        with tracker:

            def after_pass():
                tracker.reset_mod_stats()
                # What cycles of references hold would be freed at some moment that nobody knows.
                gc.collect()

            train(training, stage, run, optimizer, request["steps"], "cpu", after_pass)
        peak = tracker.get_tracker_snapshot("peak")
    total = max((snapshot["Total"] for device, snapshot in peak.items() if device.type == "cpu"),
                default=0)
    return {"allocated_bytes": total, "reserved_bytes": None, "context_bytes": None,
            "parameters": sum(p.numel() for p in run.parameters()), "out_of_memory": False}


def measure_cuda(request, batch_size):
    """Peaks of the caching allocator on a real GPU; to be called in a fresh process."""
    training = request["training"]
    stage = dict(training["stages"][request["stage"]], batch_size=batch_size)
    result = {"out_of_memory": False, "parameters": None}
    try:
        run = Run(training, stage).to("cuda")
        run.train()
        result["parameters"] = sum(p.numel() for p in run.parameters())
        optimizer = optimizer_of(training, [p for p in run.parameters() if p.requires_grad])
        train(training, stage, run, optimizer, request["steps"], "cuda")
        torch.cuda.synchronize()
    except torch.cuda.OutOfMemoryError:
        result["out_of_memory"] = True
    result["allocated_bytes"] = torch.cuda.max_memory_allocated()
    result["reserved_bytes"] = torch.cuda.max_memory_reserved()
    free, total = torch.cuda.mem_get_info()
    context = total - free - torch.cuda.memory_reserved()
    result["context_bytes"] = max(context, 0)
    return result


def versions():
    """What was measured with."""
    import transformers

    return {"torch": torch.__version__, "transformers": transformers.__version__,
            "python": sys.version.split()[0]}


def main():
    request = json.load(sys.stdin)
    request.setdefault("steps", 3)
    mode = request.get("mode", "auto")
    if mode == "auto":
        mode = "cuda" if torch.cuda.is_available() else "fake"
    if mode == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU; mode fake needs none")
    results = []
    for batch_size in request["batch_sizes"]:
        if mode == "cuda" and len(request["batch_sizes"]) > 1:
            # A fresh process each, so that one's segments are not the other's.
            part = dict(request, batch_sizes=[batch_size], mode="cuda")
            child = subprocess.run([sys.executable, "-c", request["program"]] if "program" in request
                                   else [sys.executable, __file__],
                                   input=json.dumps(part), capture_output=True, text=True)
            if child.returncode:
                sys.stderr.write(child.stderr)
                raise SystemExit(child.returncode)
            results.append(json.loads(child.stdout)["results"][0])
            continue
        measure = measure_cuda if mode == "cuda" else measure_fake
        results.append(dict(measure(request, batch_size), batch_size=batch_size))
    json.dump({"mode": mode, "versions": versions(), "results": results}, sys.stdout)


if __name__ == "__main__":
    main()
