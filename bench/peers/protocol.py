"""How a peer takes turns with the program that measures it.

With --interactive a peer prints one line `ready` when it is warm; for each line on its input that starts with `go` it makes one
measurement and prints it as one line of JSON; it ends with its input. Between lines it is idle, so two programs can alternate strictly.
"""

import json
import sys


def answer(measure, ready):
    """`measure` takes the words after `go` and gives a dictionary."""
    print(json.dumps({"ready": True} | ready), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words and words[0] == "go":
            print(json.dumps(measure(*words[1:])), flush=True)
