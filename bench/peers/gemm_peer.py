"""Times fp32 matrix products in PyTorch (MKL or oneDNN) or numpy (OpenBLAS), one line of JSON for each measurement.

A shape is M,N,K with an orientation: nn is a[m,k] b[k,n], nt is a[m,k] b[n,k] transposed (a linear layer), tn is a[k,m] transposed b[k,n] (a weight gradient).
"""

import argparse
import os
import statistics
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", choices=["torch", "numpy"], default="torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--millis", type=float, default=200, help="length of one measurement")
    parser.add_argument("--shapes", nargs="+", default=["1152,1152,1152,nn"], metavar="M,N,K,ORIENTATION")
    parser.add_argument("--interactive", action="store_true", help="answer lines `go M,N,K,ORIENTATION [MILLIS]` on the input, see protocol.py")
    return parser.parse_args()


args = arguments()
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):    # read when the libraries are loaded
    os.environ[variable] = str(args.threads)

import numpy  # noqa: E402
import protocol  # noqa: E402


class Product:
    """One shape with its operands and result, so that a measurement allocates nothing."""

    def __init__(self, shape):
        m, n, k, self.orientation = shape.split(",")
        self.m, self.n, self.k = int(m), int(n), int(k)
        draw = numpy.random.default_rng(1)
        a = draw.standard_normal((self.k, self.m) if self.orientation[0] == "t" else (self.m, self.k), dtype=numpy.float32)
        b = draw.standard_normal((self.n, self.k) if self.orientation[1] == "t" else (self.k, self.n), dtype=numpy.float32)
        a = a.T if self.orientation[0] == "t" else a
        b = b.T if self.orientation[1] == "t" else b
        y = numpy.empty((self.m, self.n), numpy.float32)
        if args.library == "torch":
            import torch
            torch.set_num_threads(args.threads)
            a, b, y = torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(y)
            self.run = lambda: torch.mm(a, b, out=y)
        else:
            self.run = lambda: numpy.matmul(a, b, out=y)
        self.run()

    def measure(self, millis):
        """Products for about the asked time, best and median of their GFLOP/s."""
        times, start = [], time.perf_counter()
        while not times or time.perf_counter() - start < millis / 1000:
            before = time.perf_counter()
            self.run()
            times.append(time.perf_counter() - before)
        work = 2e-9 * self.m * self.n * self.k
        return {"m": self.m, "n": self.n, "k": self.k, "orientation": self.orientation, "products": len(times),
                "best": work / min(times), "median": work / statistics.median(times)}


products = {}


def measure(shape, millis=None):
    if shape not in products:
        products.clear()
        products[shape] = Product(shape)
    return setting | products[shape].measure(float(millis or args.millis))


def library_name():
    if args.library == "numpy":
        blas = numpy.show_config("dicts")["Build Dependencies"]["blas"]
        return f"numpy {numpy.__version__} {blas['name']} {blas['version']}"
    import torch
    return "PyTorch " + torch.__version__.split("+")[0] + (" MKL" if torch.backends.mkl.is_available() else "")


setting = {"peer": library_name(), "threads": args.threads}
if args.interactive:
    protocol.answer(measure, setting)
else:
    for shape in args.shapes:
        for _ in range(args.rounds):
            print(protocol.json.dumps(measure(shape)), flush=True)
