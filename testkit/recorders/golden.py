"""What the recorders share: where goldens go, how they are written, and the note on their origin."""

import datetime
import json
import shutil
from pathlib import Path

import numpy
import safetensors
import torch
import transformers
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent / "src" / "main" / "resources" / "golden"


def folder(name):
    """An empty folder for the golden `name`."""
    path = ROOT / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def write_tensors(path, tensors):
    """Writes tensors as F32 (or as I32 where they hold integers), computed in whatever precision."""
    def stored(tensor):
        tensor = tensor.detach()
        return tensor.to(torch.float32 if tensor.is_floating_point() else torch.int32).clone().contiguous()

    save_file({name: stored(tensor) for name, tensor in tensors.items()}, path)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_note(path, source, recorder, **facts):
    """Writes golden.json: where the numbers come from, and what a test has to know beside the tensors."""
    write_json(path / "golden.json", {
        "source": source,
        "recorder": "testkit/recorders/" + Path(recorder).name,
        "versions": {
            "torch": torch.__version__.split("+")[0],
            "transformers": transformers.__version__,
            "safetensors": safetensors.__version__,
            "numpy": numpy.__version__,
        },
        "date": datetime.date.today().isoformat(),
        **facts,
    })


def generator(seed):
    return torch.Generator().manual_seed(seed)
