# SPDX-License-Identifier: Apache-2.0
"""How the demo prints: sections, steps with their time, a table of who reaches whom."""
import sys
import time

COLOUR = sys.stdout.isatty()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


class Step:
    """Prints what is being done and, when it is done, how long it took."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        self.begin = time.monotonic()
        print(f"{self.text} ...", end="", flush=True)

    def __exit__(self, kind, *_):
        word = paint("31", "failed") if kind else paint("32", "done")
        print(f" {word} ({time.monotonic() - self.begin:.1f} s)", flush=True)


def part(text):
    """The head of one part of the demo."""
    print(f"\n\n{paint('1', text)}\n{paint('1', '=' * len(text))}")


def section(text):
    print(f"\n{paint('1', text)}")


def show(text):
    print("\n".join("   " + line for line in text.rstrip().splitlines()))


def cell(word, width=10):
    """Right-aligned, in the colour of what it says."""
    return " " * (width - len(word)) + paint({"ok": "32", "no": "31"}.get(word, "0"), word)
