"""Published models and their corrected twins by name: plain data, as a recipe's `model` would hold it.

Each preset has three parts: `encoder`, its name in `ENCODERS` and keyword arguments; `head`, keyword arguments of
`CTCHead` without `num_tokens`, which the token table gives; `features`, the front end's name and options. One of another family than
CTC names it (`family`), and has the parts of that: an attention model its `decoder`, a transducer its `predictor` and `joiner`, and both
whether there is a `ctc_head`.
To change an option, copy the preset and set it; `blocks` 3, 5 and 7 of crnn-dredwardhyde were all published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Options = Mapping[str, str | int | float | bool]
Preset = Mapping[str, Any]

_MEL128_LOG: Options = {"name": "mel128", "log": True}
_MEL128_POWER: Options = {"name": "mel128", "log": False}  # as published: mel power without logarithm (C4)
_CONFORMER: Options = {
    "name": "conformer",
    "num_features": 80,
    "positions": "relative",
    "conv_norm": "batch",
    "expansion": 4,
    "dropout": 0.1,
}
_WIDE: Options = {**_CONFORMER, "stem": "wide", "subsampling": 4, "kernel": 31}
_FAST: Options = {**_CONFORMER, "stem": "separable", "subsampling": 8, "kernel": 9}
_TRANSDUCER: Preset = {"family": "transducer", "features": {"name": "fbank80"}, "head": {}, "ctc_head": False}
_DEEPSPEECH2: Options = {"name": "deepspeech2_pytorch", "num_features": 161, "channels": 32, "rnn_layers": 5, "rnn_dim": 1024}
_VERY_DEEP_CNN: Options = {
    "name": "very_deep_cnn",
    "num_features": 80,
    "channels": 32,
    "blocks": 3,
    "kernel": 3,
    "layers": 3,
    "dim": 256,
    "dropout": 0.1,
}
_TRANSFORMER: Options = {
    "name": "transformer",
    "num_features": 80,
    "dim": 256,
    "layers": 12,
    "heads": 4,
    "feed_forward": 2048,
    "dropout": 0.1,
}

PRESETS: Mapping[str, Preset] = {
    "conformer-large": {"encoder": {**_WIDE, "dim": 512, "layers": 18, "heads": 8}, "head": {}, "features": {"name": "fbank80"}},
    "conformer-medium": {"encoder": {**_WIDE, "dim": 256, "layers": 18, "heads": 4}, "head": {}, "features": {"name": "fbank80"}},
    "conformer-small": {"encoder": {**_WIDE, "dim": 176, "layers": 16, "heads": 4}, "head": {}, "features": {"name": "fbank80"}},
    "conformer-transducer-large": {
        **_TRANSDUCER,
        "encoder": {**_WIDE, "dim": 512, "layers": 17, "heads": 8},
        "predictor": {"name": "lstm", "embedding_dim": 640, "dim": 640},
        "joiner": {"dim": 640},
    },
    "conformer-transducer-medium": {
        **_TRANSDUCER,
        "encoder": {**_WIDE, "dim": 256, "layers": 16, "heads": 4},
        "predictor": {"name": "lstm", "embedding_dim": 640, "dim": 640},
        "joiner": {"dim": 640},
    },
    "conformer-transducer-small": {
        **_TRANSDUCER,
        "encoder": {**_WIDE, "dim": 144, "layers": 16, "heads": 4},
        "predictor": {"name": "lstm", "embedding_dim": 320, "dim": 320},
        "joiner": {"dim": 320},
    },
    "crnn-assembly": {
        "encoder": {"name": "crnn_assembly", "faithful": False, "num_features": 128, "blocks": 3, "dropout": 0.1},
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_LOG,
    },
    "crnn-assembly-faithful": {
        "encoder": {"name": "crnn_assembly", "faithful": True, "num_features": 128, "blocks": 3, "dropout": 0.1},
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": False,
            "num_features": 128,
            "blocks": 7,
            "activation": "gelu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.2},
        "features": _MEL128_LOG,
    },
    "crnn-dredwardhyde-3-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 3,
            "activation": "gelu",
            "dropout": 0.1,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.1},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde-5-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 5,
            "activation": "relu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "relu", "dropout": 0.2},
        "features": _MEL128_POWER,
    },
    "crnn-dredwardhyde-faithful": {
        "encoder": {
            "name": "crnn_dredwardhyde",
            "faithful": True,
            "num_features": 128,
            "blocks": 7,
            "activation": "gelu",
            "dropout": 0.2,
        },
        "head": {"hidden": 512, "activation": "gelu", "dropout": 0.2},
        "features": _MEL128_POWER,
    },
    "deepspeech-0.9": {
        "encoder": {"name": "deepspeech", "num_features": 26, "context": 9, "dim": 2048, "ceiling": 20.0, "dropout": 0.05, "biases": 1},
        "head": {},
        "features": {"name": "mfcc26"},
    },
    "deepspeech2-keras": {
        "encoder": {"name": "deepspeech2_keras", "faithful": False, "num_features": 80, "dropout": 0.5},
        "head": {"hidden": 1024, "activation": "relu", "dropout": 0.5},
        "features": {"name": "fbank80"},
    },
    "deepspeech2-keras-faithful": {
        "encoder": {"name": "deepspeech2_keras", "faithful": True, "num_features": 193, "dropout": 0.5},
        "head": {"hidden": 1024, "activation": "relu", "dropout": 0.5},
        "features": {"name": "stft193", "sample_rate": 22050},  # LJSpeech's own rate, never resampled as published
    },
    "deepspeech2-openseq2seq-large": {
        "encoder": {"name": "deepspeech2_keras", "num_features": 160, "rnn_layers": 5, "rnn_dim": 800, "dropout": 0.5},
        "head": {"hidden": 1600, "activation": "relu", "dropout": 0.5},
        "features": {"name": "spec160", "bins": 160},
    },
    "deepspeech2-openseq2seq-small": {
        "encoder": {"name": "deepspeech2_keras", "num_features": 96, "rnn_layers": 2, "rnn_dim": 512, "dropout": 0.5},
        "head": {"hidden": 1024, "activation": "relu", "dropout": 0.5},
        "features": {"name": "spec160", "bins": 96},
    },
    "deepspeech2-pytorch": {
        "encoder": {**_DEEPSPEECH2, "rnn": "lstm", "bidirectional": True, "merge": "sum"},
        "head": {"bias": False},
        "features": {"name": "spec161"},
    },
    "deepspeech2-pytorch-gru": {
        "encoder": {**_DEEPSPEECH2, "rnn": "gru", "bidirectional": True, "merge": "sum"},
        "head": {"bias": False},
        "features": {"name": "spec161"},
    },
    "deepspeech2-pytorch-lookahead": {
        "encoder": {**_DEEPSPEECH2, "rnn": "lstm", "bidirectional": False, "lookahead": 20},
        "head": {"bias": False},
        "features": {"name": "spec161"},
    },
    "e-branchformer-large": {
        "encoder": {
            "name": "e_branchformer",
            "num_features": 80,
            "dim": 512,
            "layers": 17,
            "heads": 8,
            "feed_forward": 1024,
            "gated": 3072,
            "kernel": 31,
            "merge_kernel": 31,
            "dropout": 0.1,
        },
        "head": {},
        "features": {"name": "fbank80"},
    },
    "fast-conformer-large": {"encoder": {**_FAST, "dim": 512, "layers": 17, "heads": 8}, "head": {}, "features": {"name": "fbank80"}},
    "fast-conformer-medium": {"encoder": {**_FAST, "dim": 256, "layers": 16, "heads": 4}, "head": {}, "features": {"name": "fbank80"}},
    "fast-conformer-small": {"encoder": {**_FAST, "dim": 176, "layers": 16, "heads": 4}, "head": {}, "features": {"name": "fbank80"}},
    "fast-conformer-xlarge": {"encoder": {**_FAST, "dim": 1024, "layers": 24, "heads": 8}, "head": {}, "features": {"name": "fbank80"}},
    "jasper-10x5dr": {
        "encoder": {"name": "jasper", "num_features": 64, "blocks": 2, "repeat": 5, "dense": True},
        "head": {},
        "features": {"name": "fbank64"},
    },
    "las": {
        "family": "attention",
        "encoder": {"name": "pyramidal_blstm", "num_features": 80, "dim": 256, "layers": 1, "pyramid": 3},
        "decoder": {"dim": 512, "layers": 2, "embedding_dim": 32, "attention": "dot", "attention_dim": 512},
        "ctc_head": False,
        "head": {},
        "features": {"name": "fbank80"},
    },
    "las-2017": {
        "family": "attention",
        "encoder": {"name": "pyramidal_blstm", "num_features": 80, "dim": 1024, "layers": 5, "pyramid": 0, "stack": 3},
        "decoder": {"dim": 1024, "layers": 2, "embedding_dim": 96, "attention": "mlp", "attention_dim": 1024, "heads": 4},
        "ctc_head": False,
        "head": {},
        "features": {"name": "fbank80"},
    },
    "las-location": {
        "family": "attention",
        "encoder": {"name": "pyramidal_blstm", "num_features": 80, "dim": 320, "layers": 2, "pyramid": 2, "dropout": 0.1},
        "decoder": {"dim": 320, "embedding_dim": 128, "attention": "location", "attention_dim": 320, "dropout": 0.1},
        "ctc_head": True,
        "head": {},
        "features": {"name": "fbank80"},
    },
    "neural-transducer": {
        "family": "neural-transducer",
        "encoder": {"name": "conformer", "num_features": 80, "dim": 176, "layers": 12, "heads": 4, "kernel": 31, "subsampling": 4},
        "decoder": {"dim": 320, "embedding_dim": 128, "attention": "mlp", "attention_dim": 320, "heads": 4, "dropout": 0.1},
        "block": {"frames": 8, "back": 8, "tokens": 12},
        "head": {},
        "features": {"name": "fbank80"},
    },
    "quartznet-10x5": {"encoder": {"name": "quartznet", "num_features": 64, "blocks": 2}, "head": {}, "features": {"name": "fbank64"}},
    "quartznet-15x5": {"encoder": {"name": "quartznet", "num_features": 64, "blocks": 3}, "head": {}, "features": {"name": "fbank64"}},
    "quartznet-5x5": {"encoder": {"name": "quartznet", "num_features": 64, "blocks": 1}, "head": {}, "features": {"name": "fbank64"}},
    "tdnnf-7q": {
        "encoder": {"name": "tdnnf", "num_features": 80, "dim": 1536, "bottleneck": 160, "layers": 14, "prefinal": 256, "bypass": 0.66},
        "head": {},
        "features": {"name": "fbank80"},
    },
    "transformer-relative": {
        "encoder": {**_TRANSFORMER, "positions": "relative", "subsampling": 4},
        "head": {},
        "features": {"name": "fbank80"},
    },
    "transformer-rotary": {
        "encoder": {**_TRANSFORMER, "positions": "rotary", "subsampling": 4},
        "head": {},
        "features": {"name": "fbank80"},
    },
    "very-deep-cnn-ctc": {"encoder": _VERY_DEEP_CNN, "head": {}, "features": {"name": "fbank80"}},
    "very-deep-cnn-las": {
        "family": "attention",
        "encoder": _VERY_DEEP_CNN,
        "decoder": {"dim": 256, "embedding_dim": 64, "attention": "location", "attention_dim": 256, "dropout": 0.1},
        "ctc_head": True,
        "head": {},
        "features": {"name": "fbank80"},
    },
    "wave2letter-plus": {
        "encoder": {"name": "wave2letter", "num_features": 64, "repeat": 3},
        "head": {},
        "features": {"name": "fbank64"},
    },
}
