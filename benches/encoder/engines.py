"""The peers: each turns padded batches of token ids into logits.

An engine is made with the model's directory (as `prepare.py` leaves it), a precision and a number of
threads per stream; `logits(ids, mask)` takes two int64 arrays `[texts, tokens]` and gives a float32
array `[texts, classes]`. It may be called from several threads at once: a stream is such a thread.
"""

import os
import threading

import numpy as np


class Torch:
    """PyTorch through `transformers`, with scaled dot product attention."""

    def __init__(self, folder, precision, threads, streams):
        import torch
        from transformers import AutoModelForSequenceClassification

        self.torch, self.threads = torch, threads
        torch.set_num_threads(threads)
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=kind).eval()
        if precision == "int8":
            quantize = torch.ao.quantization.quantize_dynamic
            model = quantize(model, {torch.nn.Linear}, dtype=torch.qint8)
        self.model = model

    def logits(self, ids, mask):
        # A setting of the calling thread, which may have served another engine before.
        if self.torch.get_num_threads() != self.threads:
            self.torch.set_num_threads(self.threads)
        ids, mask = self.torch.from_numpy(ids), self.torch.from_numpy(mask)
        with self.torch.inference_mode():
            return self.model(input_ids=ids, attention_mask=mask).logits.float().numpy()


class OnnxRuntime:
    """ONNX Runtime on the graph that its own transformer optimiser has fused."""

    def __init__(self, folder, precision, threads, streams):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        path = os.path.join(folder, "onnx", f"{precision}.onnx")
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.inputs = {entry.name for entry in self.session.get_inputs()}

    def logits(self, ids, mask):
        return self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


class OpenVino:
    """OpenVINO on its own format; `int8` has been quantised by NNCF."""

    def __init__(self, folder, precision, threads, streams):
        import openvino
        from openvino import properties

        weights = "openvino-int8" if precision.startswith("int8") else "openvino-fp32"
        inference = "f32" if precision in ("fp32", "int8_fp32") else "bf16"
        settings = {
            "INFERENCE_PRECISION_HINT": inference,
            "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        }
        core = openvino.Core()
        path = os.path.join(folder, weights, "model.xml")
        self.model = core.compile_model(path, "CPU", settings)
        self.local = threading.local()

    def logits(self, ids, mask):
        if not hasattr(self.local, "request"):
            self.local.request = self.model.create_infer_request()
        inputs = {"input_ids": ids, "attention_mask": mask}
        return self.local.request.infer(inputs, share_inputs=True)[0]


class CTranslate2:
    """CTranslate2's encoder; it has no classifier, which is three small products in NumPy."""

    def __init__(self, folder, precision, threads, streams):
        import ctranslate2
        from safetensors.numpy import load_file

        self.ctranslate2 = ctranslate2
        self.encoder = ctranslate2.Encoder(
            os.path.join(folder, "ctranslate2"),
            device="cpu",
            compute_type="float32" if precision == "fp32" else precision,
            inter_threads=streams,
            intra_threads=threads,
        )
        head = load_file(os.path.join(folder, "head.safetensors"))
        self.pooler = head["pooler.weight"].T.copy(), head["pooler.bias"]
        self.classifier = head["classifier.weight"].T.copy(), head["classifier.bias"]

    def logits(self, ids, mask):
        lengths = mask.sum(1).astype(np.int32)
        storage = self.ctranslate2.StorageView.from_array
        output = self.encoder.forward_batch(storage(ids.astype(np.int32)), storage(lengths))
        first = np.array(output.last_hidden_state)[:, 0]
        pooled = np.tanh(first @ self.pooler[0] + self.pooler[1])
        return pooled @ self.classifier[0] + self.classifier[1]


ENGINES = {
    "torch": Torch,
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "ctranslate2": CTranslate2,
}
