#!/usr/bin/env python3
"""Records the quick start of README.md: runs its commands against a running `cargo dev --chain`, writes their output
into the README, and draws docs/images/quick-start.svg.

    cargo dev --chain                 # in one terminal, on port 9000
    docs/images/record.py             # in another one

Each `sh` block of the section *Quick start* after the first one is run in one shell. The `text` block that follows it
gets the output. The picture shows the same commands and the same output, each line when it came. Long pauses are
shortened.

`--check` needs no service: it fails if the README's commands or output differ from the picture's. `.ci/language` calls it.
`--port` and `--dev` choose another running service and a `dev` that is built already; what is written stays the same.

Needs bash, curl and jq. Uses Python's standard library alone.
"""

import argparse
import re
import subprocess
import sys
import time
from html import escape, unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
PICTURE = Path(__file__).with_name("quick-start.svg")
SECTION = re.compile(r"(?<=\n## Quick start\n).*?(?=\n## )", re.DOTALL)
STEP = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)

# The picture, in pixels. A character of this size is 0.602 as wide as high in every usual monospaced font.
FONT, LINE, MARGIN, BAR = 13, 19, 18, 34
COLUMNS, ROWS = 104, 26
# Seconds: how long a command takes to appear, and the longest pause that is shown.
TYPING, LONGEST = 0.9, 1.6


def steps(text):
    """The commands and the recorded output of each step. The first block starts the service."""
    return [(code.rstrip("\n"), (output or "").rstrip("\n")) for code, output in STEP.findall(SECTION.search(text)[0])][1:]


def run(blocks, port, dev):
    """Runs the blocks in one shell. Yields the lines of each, with the seconds since its start."""
    shell = subprocess.Popen(
        ["bash"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    mark = "-- end of step --"
    for block in blocks:
        block = block.replace("127.0.0.1:9000", f"127.0.0.1:{port}")
        block = re.sub(r"^cargo dev pay", f"{dev} pay --port {port}", block, flags=re.MULTILINE)
        shell.stdin.write(f"{block}\necho '{mark}'\n")
        shell.stdin.flush()
        start, lines = time.monotonic(), []
        for line in shell.stdout:
            if line.rstrip("\n") == mark:
                break
            lines.append((time.monotonic() - start, line.rstrip("\n")))
        else:
            sys.exit(f"record: the shell ended in\n{block}")
        if block.strip() and not lines and "=" not in block.split("\n")[-1]:
            sys.exit(f"record: no output from\n{block}\nIs `cargo dev --chain` running on port {port}?")
        yield lines
    shell.stdin.close()
    shell.wait()


def wrapped(line):
    """A line as the terminal shows it."""
    return [line[at : at + COLUMNS] for at in range(0, len(line), COLUMNS)] or [""]


def screen(recorded):
    """Each line of the picture: when it appears, its class, and its text."""
    now, lines = 0.4, []
    for code, output in recorded:
        for number, line in enumerate(code.split("\n")):
            kind = "note" if line.startswith("#") else "input"
            prompt = "" if kind == "note" else "$ " if number == 0 or code.split("\n")[number - 1].startswith("#") else "  "
            for part in wrapped(prompt + line):
                lines.append((now, kind, part))
        now += TYPING
        shown = 0.0
        for at, line in output:
            now += min(at - shown, LONGEST)
            shown = at
            for part in wrapped(line):
                lines.append((now, "output", part))
        now += TYPING
        lines.append((now, "output", ""))
    return lines[:-1]


def coloured(kind, line):
    """The text of a line, with its prompt, keys and last status in colours."""
    text = escape(line, quote=False)
    if kind == "input":
        return re.sub(r"^\$", '<tspan class="prompt">$</tspan>', text)
    if kind == "output":
        text = re.sub(r'^(\s*)("[^"]+")(?=:)', r'\1<tspan class="key">\2</tspan>', text)
        return re.sub(r"\b(complete)\b", r'<tspan class="good">\1</tspan>', text)
    return text


def scrolling(lines):
    """The keyframes that scroll the screen as lines appear, how long that takes, and where it ends."""
    lines = [(round(at, 1), kind, line) for at, kind, line in lines]
    times = sorted({at for at, _, _ in lines})
    total = times[-1] + 0.1
    frames = []
    for at in times:
        offset = max(sum(1 for other, _, _ in lines if other <= at) - ROWS, 0) * LINE
        frames.append(f"{100 * at / total:.2f}% {{ transform: translateY({-offset}px) }}")
    return "0% { transform: none } " + " ".join(frames), total, max(len(lines) - ROWS, 0) * LINE


def picture(recorded):
    """The SVG. Without animations, or for readers who want none, it shows the end of the session."""
    lines = screen(recorded)
    width, height = round(COLUMNS * FONT * 0.602) + 2 * MARGIN, BAR + MARGIN + ROWS * LINE
    rows = "\n".join(
        f'<text class="{kind}" x="{MARGIN}" y="{16 + number * LINE}" style="animation-delay:{at:.1f}s">'
        f"{coloured(kind, line)}</text>"
        for number, (at, kind, line) in enumerate(lines)
        if line
    )
    dots = "".join(f'<circle cx="{MARGIN + 4 + 18 * at}" cy="17" r="5.5" fill="{fill}"/>' for at, fill in DOTS)
    frames, total, end = scrolling(lines)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>A checkout session goes from open to complete in a terminal</title>
<!-- Generated by docs/images/record.py from a real run. Do not edit. -->
<style>
text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; fill: #c9d1d9; animation: show 0.2s both }}
.note {{ fill: #8b949e }} .input {{ fill: #f0f6fc }} .prompt, .good {{ fill: #56d364; font-weight: bold }} .key {{ fill: #79c0ff }}
.screen {{ transform: translateY({-end}px); animation: scroll {total:.1f}s step-end both }}
@keyframes show {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@keyframes scroll {{ {frames} }}
@media (prefers-reduced-motion: reduce) {{ text, .screen {{ animation: none }} }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
{dots}
<svg y="{BAR}" width="{width}" height="{ROWS * LINE + 4}"><g class="screen">
{rows}
</g></svg>
</svg>
"""


DOTS = [(0, "#ff5f56"), (1, "#ffbd2e"), (2, "#27c93f")]


def written(text, recorded):
    """The README with this output."""
    outputs = iter([None, *(lines for _, lines in recorded)])

    def step(match):
        lines = next(outputs)
        block = f"```sh\n{match[1]}```\n"
        return block + ("\n```text\n" + "".join(f"{line}\n" for _, line in lines) + "```\n" if lines else "")

    return SECTION.sub(lambda section: STEP.sub(step, section[0]), text)


def check():
    """Whether README and picture are of one run."""
    rows = re.findall(r'<text class="(\w+)"[^>]*>(.*?)</text>', PICTURE.read_text())
    drawn = [(kind, unescape(re.sub(r"</?tspan[^>]*>", "", text))) for kind, text in rows]
    recorded = [(code, [(0, line) for line in output.split("\n")] if output else []) for code, output in steps(README.read_text())]
    expected = [(kind, line) for _, kind, line in screen(recorded) if line]
    for at, (is_drawn, is_written) in enumerate(zip(drawn, expected, strict=False)):
        if is_drawn != is_written:
            sys.exit(f"record: line {at + 1} of {PICTURE.name} is {is_drawn}, but README.md has {is_written}. Record it again.")
    if len(drawn) != len(expected):
        sys.exit(f"record: {PICTURE.name} has {len(drawn)} lines, but README.md has {len(expected)}. Record it again.")
    print(f"record: {PICTURE.name} shows the commands and the output of README.md")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--port", default=9000, type=int)
    parser.add_argument("--dev", default="cargo dev")
    options = parser.parse_args()
    if options.check:
        return check()
    text = README.read_text()
    blocks = [code for code, _ in steps(text)]
    recorded = list(zip(blocks, run(blocks, options.port, options.dev), strict=True))
    README.write_text(written(text, recorded))
    PICTURE.write_text(picture(recorded))
    return check()


if __name__ == "__main__":
    main()
