"""`onnx_export.py CHECKPOINT FOLDER`: optimum's export, in the layout and the precisions that transformers.js loads."""

import os
import sys

from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import main_export

checkpoint, folder = sys.argv[1:]
main_export(checkpoint, folder, task="text-generation-with-past", do_validation=False)
os.makedirs(os.path.join(folder, "onnx"), exist_ok=True)
exported = os.path.join(folder, "onnx", "model.onnx")
os.replace(os.path.join(folder, "model.onnx"), exported)
# Signed weights: with unsigned activations, the pair that VNNI multiplies.
quantize_dynamic(exported, exported.replace(".onnx", "_quantized.onnx"), weight_type=QuantType.QInt8)
