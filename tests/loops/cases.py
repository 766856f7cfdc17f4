"""The cases of one program: each a function with the loops that a reader of its source expects of it.

A program lists them with --list (JSON: name -> label) and runs one by its name. A loop in a label has a
kind, a part of its statement's text, its statements per run and, where it is proven, the source: a part of
its text and the column. No loops: the detector has to keep quiet.
"""
import json
import sys

CASES = {}


def loop(kind, statement, calls=None, source=None, column=None):
    label = {"kind": kind, "statement": statement, "calls": calls, "source": source, "column": column}
    return {key: value for key, value in label.items() if value is not None}


def case(*loops):
    def declare(function):
        CASES[function.__name__] = ({"what": function.__doc__, "loops": list(loops)}, function)
        return function
    return declare


def main(*arguments):
    if sys.argv[1] == "--list":
        print(json.dumps({name: label for name, (label, _) in CASES.items()}))
    else:
        CASES[sys.argv[1]][1](*arguments)
