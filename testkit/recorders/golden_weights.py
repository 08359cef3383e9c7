"""Weights as a function of a tensor's name and an element's index, the same to the bit in Java's `GoldenWeights`.

Goldens of large or many-tensored models need no checkpoint in the repository: a test makes the weights anew.
"""

import math

import numpy
import torch

WEYL = 0x9E3779B97F4A7C15
WORD = (1 << 64) - 1


def fnv1a(name):
    """The 64-bit FNV-1a hash of the name's UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & WORD
    return value


def bits(name, count):
    """The first `count` outputs of SplitMix64 with the name's hash as its seed, as uint64."""
    with numpy.errstate(over="ignore"):
        x = numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(WEYL) + numpy.uint64(fnv1a(name))
        x = (x ^ x >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
        return x ^ x >> numpy.uint64(31)


def kind(name, shape):
    """Centre and spread of a tensor's values, from the last part of its published name; a matrix keeps the size of what it multiplies."""
    leaf = name.removesuffix(".weight").rsplit(".", 1)[-1]
    if leaf.endswith("norm"):
        return 1.0, 0.2
    if leaf.endswith("_scale"):
        return 0.3, 0.2
    if leaf.endswith("_base") or leaf in ("ape", "attn_sink"):
        return 0.0, 1.0
    if leaf == "bias":
        return 0.0, 0.2
    if leaf == "embed":
        return 0.0, 4.0
    return 0.0, 4 / math.sqrt(shape[-1])


def values(name, shape):
    """F32 values: `centre + spread * u` in fp64, rounded once, where `u` is the top 24 bits / 2^24 - 0.5."""
    centre, spread = kind(name, shape)
    unit = (bits(name, math.prod(shape)) >> numpy.uint64(40)).astype(numpy.float64) / 2 ** 24 - 0.5
    return torch.from_numpy((centre + spread * unit).astype(numpy.float32).reshape(shape))


def experts_of_tokens(name, tokens, chosen, experts):
    """I64 `[tokens, chosen]`, distinct in a row: the first places of a Fisher-Yates shuffle of the experts, drawn by `bits >>> 40` modulo what is left."""
    draws = (bits(name, tokens * chosen) >> numpy.uint64(40)).astype(numpy.int64).reshape(tokens, chosen)
    table = numpy.tile(numpy.arange(experts, dtype=numpy.int64), (tokens, 1))
    rows = numpy.arange(tokens)
    for place in range(chosen):
        other = place + draws[:, place] % (experts - place)
        table[rows, other], table[rows, place] = table[rows, place].copy(), table[rows, other].copy()
    return torch.from_numpy(table[:, :chosen].copy())
