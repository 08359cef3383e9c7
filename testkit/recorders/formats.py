"""Records the eight-bit number formats: every code's value, and the codes that PyTorch rounds chosen and drawn values to.

PyTorch gives NaN for what lies beyond 448, so values are clamped first, as quantisation does.
"""

import torch

import golden

EDGES = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, 448.0, 464.0, 480.0, 1e30, -1e30, 1e-45, -1e-45, 1e-38, 2.0**-10, 2.0**-9, 2.0**-7, 2.0**-6])


def inputs(draw):
    """All values, the ties between neighbours with the numbers right beside them, edges, and draws of every magnitude."""
    values = torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    ties = (values[1:] + values[:-1]) / 2
    beside = [torch.nextafter(ties, torch.tensor(towards)) for towards in (-torch.inf, torch.inf)]
    normal = torch.randn(1000, generator=draw) * 2.0 ** torch.randint(-14, 10, (1000,), generator=draw)
    bits = torch.randint(-2**31, 2**31, (1000,), generator=draw).to(torch.int32).view(torch.float32)
    positive = torch.cat([values, ties, *beside])
    return torch.cat([positive, -positive, EDGES, normal, bits])


def record():
    path = golden.folder("float8")
    codes = torch.arange(256, dtype=torch.uint8)
    x = inputs(golden.generator(8))
    rounded = x.clamp(-448, 448).to(torch.float8_e4m3fn).view(torch.uint8)
    golden.write_tensors(path / "values.safetensors", {
        "e4m3": codes.view(torch.float8_e4m3fn).float(),
        "e8m0": codes.view(torch.float8_e8m0fnu).float(),
    })
    golden.write_tensors(path / "rounded.safetensors", {"x": x, "codes": rounded})
    golden.write_note(path, "torch.float8_e4m3fn and torch.float8_e8m0fnu on the CPU", __file__)
    print(f"float8: {len(x)} values")


if __name__ == "__main__":
    record()
