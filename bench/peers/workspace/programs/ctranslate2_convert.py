"""`ctranslate2_convert.py CHECKPOINT FOLDER PRECISION`: CTranslate2's own converter, for a GPT-2 of transformers."""

import sys

from ctranslate2.converters import TransformersConverter

checkpoint, folder, precision = sys.argv[1:]
TransformersConverter(checkpoint).convert(folder, quantization=precision, force=True)
