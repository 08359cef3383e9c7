"""Records the eight-bit number formats: every code's value, and the codes that PyTorch rounds chosen and drawn values to; and matrices quantised in blocks.

PyTorch gives NaN for what lies beyond 448, so values are clamped first, as quantisation does. It has no conversion to FP4: the nearest of the eight magnitudes is looked for.
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


def to_fp8(x):
    codes = x.clamp(-448, 448).float().to(torch.float8_e4m3fn)
    return codes.view(torch.uint8), codes.double()


def to_fp4(x):
    magnitudes = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=torch.float64)
    distance = (x.abs()[..., None] - magnitudes).abs()
    distance = distance + 1e-12 * (torch.arange(8) % 2)         # a tie goes to the even code; other differences are larger by far
    code = distance.argmin(-1)
    value = magnitudes[code] * x.sign()
    return torch.where(value < 0, code + 8, code), value + 0.0    # no negative zero


def quantised(x, rows, columns, floor, largest, to_codes):
    """Codes, exponents of scales (biased as in E8M0) and the numbers that they stand for, block by block."""
    x = x.double()
    codes, y = torch.zeros(x.shape, dtype=torch.int32), torch.zeros_like(x)
    scales = torch.zeros(-(-x.shape[0] // rows), -(-x.shape[1] // columns), dtype=torch.int32)
    for i in range(scales.shape[0]):
        for j in range(scales.shape[1]):
            part = slice(i * rows, (i + 1) * rows), slice(j * columns, (j + 1) * columns)
            fraction, exponent = torch.frexp(x[part].abs().max().clamp(min=floor) / largest)
            power = int(exponent) - (1 if float(fraction) == 0.5 else 0)
            scales[i, j] = power + 127
            codes[part], values = to_codes(x[part] / 2.0**power)
            y[part] = values * 2.0**power
    return {"codes": codes, "scales": scales, "y": y}


def record_blocks():
    path = golden.folder("quantise")
    draw = golden.generator(16)
    cases = {
        "fp8_weights": dict(shape=(130, 260), rows=128, columns=128, floor=448 * 2.0**-126),
        "fp8_activations": dict(shape=(9, 300), rows=1, columns=128, floor=torch.tensor(1e-4).item()),
        "fp4": dict(shape=(33, 70), rows=1, columns=32, floor=6 * 2.0**-126),
    }
    for name, case in cases.items():
        shape = case.pop("shape")
        x = torch.randn(shape, generator=draw) * 2.0 ** torch.randint(-30, 12, (shape[0], 1), generator=draw)
        x[0, :40] = torch.tensor([448, -448, 6, 3.2, -3.5, 0, 0.25, 0.75]).repeat(5)
        x[1] = 0
        to_codes, largest = (to_fp4, 6) if name == "fp4" else (to_fp8, 448)
        golden.write_tensors(path / f"{name}.safetensors", {"x": x, **quantised(x, **case, largest=largest, to_codes=to_codes)})
    golden.write_note(path, "torch.float8_e4m3fn on the CPU, FP4 by the nearest magnitude", __file__, cases=cases)
    print(f"quantise: {', '.join(cases)}")


if __name__ == "__main__":
    record()
    record_blocks()
