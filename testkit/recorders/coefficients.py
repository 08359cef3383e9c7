"""Fits the polynomials of dev.xiaolu.tensor.Coefficients and prints them as Java constants.

Each function is written as `leading part + correction`, the correction being a polynomial whose relative error in the
whole function is made as even as possible (Lawson's reweighted least squares on Chebyshev points). Coefficients are
rounded to binary32 one at a time, lowest power first, and the rest is fitted again after each, so that later
coefficients repair the rounding of earlier ones. Needs numpy and mpmath. Run: python3 coefficients.py
"""
import mpmath as mp
import numpy as np

mp.mp.prec = 160


def points(low, high, count=4001):
    k = np.arange(count)
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (k + 0.5) / count)


def minimax(basis, target, weight, rounds=300):
    """Coefficients c that make max |weight * (basis @ c - target)| small."""
    lawson = np.ones(len(target))
    best, best_error = None, np.inf
    for _ in range(rounds):
        scale = (np.sqrt(lawson) * weight)
        c, *_ = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)
        error = np.abs(weight * (basis @ c - target))
        if error.max() < best_error:
            best, best_error = c, error.max()
        lawson *= error / error.max() + 1e-9
        lawson /= lawson.sum()
    return best, best_error


def fit(name, correction, weight, argument, low, high, count, fixed=()):
    """Prints `count` coefficients of a polynomial in `argument(x)` for `correction(x)`; the first of them may be given."""
    x = points(low, high)
    x = x[np.abs(x) > 1e-6]
    target = np.array([float(correction(mp.mpf(v))) for v in x])
    w = np.array([float(weight(mp.mpf(v))) for v in x])
    u = argument(x)
    rounded = list(fixed)
    while len(rounded) < count:
        done = sum((c * u ** i for i, c in enumerate(rounded)), np.zeros_like(u))
        basis = np.stack([u ** i for i in range(len(rounded), count)], axis=1)
        c, _ = minimax(basis, target - done, w)
        rounded.append(float(np.float32(c[0])))
    error = np.abs(w * (sum(c * u ** i for i, c in enumerate(rounded)) - target)).max()
    print(f"    // {name}: relative error 2^{np.log2(error):.1f} before rounding in evaluation")
    for i, c in enumerate(rounded):
        print(f"    public static final float {name}_{i} = {java(c)};")


def java(value):
    return float.hex(float(np.float32(value))).replace("0000000p", "p") + "f"


def split(name, value, parts, bits=(24, 24, 24, 24)):
    """Prints `value` as a sum of floats, the first ones cut to fewer bits where asked."""
    rest = value
    for i in range(parts):
        part = mp.mpf(float(np.float32(float(rest))))
        if bits[i] < 24:
            m, e = mp.frexp(rest)
            part = mp.ldexp(mp.nint(m * 2 ** bits[i]), int(e) - bits[i])
        print(f"    public static final float {name}_{i} = {java(float(part))};")
        rest -= part


if __name__ == "__main__":
    half_ln2 = float(mp.log(2) / 2)
    fit("EXP", lambda r: (mp.exp(r) - 1 - r) / r ** 2, lambda r: r ** 2 / mp.exp(r), lambda x: x, -half_ln2 * 1.001, half_ln2 * 1.001, 5)
    root = float(mp.sqrt(2))
    fit("LOG", lambda f: (mp.log1p(f) - f) / f ** 2, lambda f: f ** 2 / mp.log1p(f), lambda x: x, root / 2 - 1, root - 1, 9, fixed=(-0.5,))
    fit("TANH", lambda x: (mp.tanh(x) - x) / x ** 3, lambda x: x ** 3 / mp.tanh(x), lambda x: x * x, 0.0, 0.626, 5)
    quarter = float(mp.pi / 4) * 1.0005
    fit("SIN", lambda r: (mp.sin(r) - r) / r ** 3, lambda r: r ** 3 / mp.sin(r), lambda x: x * x, 0.0, quarter, 4)
    fit("COS", lambda r: (mp.cos(r) - 1) / r ** 2, lambda r: r ** 2 / mp.cos(r), lambda x: x * x, 0.0, quarter, 4, fixed=(-0.5,))
    split("LN2", mp.log(2), 2)
    split("HALF_PI", mp.pi / 2, 4)
    print(f"    LOG2E = {java(float(1 / mp.log(2)))}, TWO_OVER_PI = {java(float(2 / mp.pi))}")
    with mp.workprec(400):
        bits = int(mp.floor(2 / mp.pi * mp.mpf(2) ** 288))
    print("    2/pi: " + ", ".join(f"0x{bits >> (288 - 32 * (i + 1)) & 0xFFFFFFFF:08X}" for i in range(9)))
