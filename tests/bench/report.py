# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios, the table and the machine's record."""
import datetime
import os
import re
import statistics
import subprocess

BUSY = 0.95  # only beyond this does a rate say something of the switch and not of the generator
# Shares of a run beyond which it counts as disturbed: see UNREST for what they are of.
LIMITS = {"disturbed": 0.02, "steal": 0.01, "background": 0.10, "slowed": 0.12, "apart": 0.5}
UNREST = {
    "disturbed": "a worker or the generator waited for its core",
    "steal": "stolen by the hypervisor",
    "background": "others kept the machine busy before the run",
    "slowed": "neighbours on the same processor made the cores slower than they were at their best",
    "apart": "the hypervisor had moved the cores apart, so that of a cache line's way from one to the other were added",
}
UNITS = ("cycles", "gbps", "kpps")  # what two contenders are compared by
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def median(runs, key):
    values = [r[key] for r in runs if r.get(key) is not None]
    return statistics.median(values) if values else None


def ratio(mine, peers, key, inverse):
    a, b = median(mine, key), median(peers, key)
    if not a or not b:
        return None
    return b / a if inverse else a / b


def all_busy(*variants):
    return all(r.get("busy") is not None and r["busy"] > BUSY for runs in variants for r in runs)


def unrest(sample, but=()):
    """Above 1: others had a hand in the figure."""
    return max(sample.get(kind, 0) / limit for kind, limit in LIMITS.items() if kind not in but)


def describe_unrest(sample):
    found = [f"{kind} {sample[kind] * 100:.0f} %" for kind, limit in LIMITS.items() if sample.get(kind, 0) > limit]
    return f"  ({', '.join(found)})" if found else ""


def unrest_summary(samples):
    return {f"{text}, at most": f"{max((s.get(kind, 0) for s in samples), default=0) * 100:.1f} %"
            for kind, text in UNREST.items()}


def common(*variants):
    """What disturbed every run alike, so that they can be compared all the same: the cores' distance."""
    return [kind for kind in ("apart",) if all(r.get(kind, 0) > LIMITS[kind] for runs in variants for r in runs)]


def restless(runs, but=()):
    """Too few quiet runs for the median to be one of them."""
    return sum(unrest(r, but) > 1 for r in runs) * 2 >= len(runs)


def judge(row, samples, failures):
    """One dict for each check of a row."""
    out = []
    for check in row.checks:
        mine, peers = samples.get("weft", []), samples.get(check.peer, [])
        unit = next((u for u in UNITS if mine and u in mine[0]), "gbps")
        got = ratio(mine, peers, unit, inverse=unit == "cycles") if mine and peers else None
        line = {"row": row.name, "peer": check.peer, "wanted": check.least, "ratio": got, "note": row.note,
                "weft": describe(mine), "other": describe(peers), "mpps-ratio": None}
        if check.extra is not None:
            line["wanted"] = f"{check.extra:.0f} cycles more"
        if unit == "cycles" and got and all_busy(mine, peers):
            line["mpps-ratio"] = ratio(mine, peers, "mpps", inverse=False)
        if check.most is not None:
            line |= {"peer": "-", "wanted": f"{check.most:.0f} ms at most"}
            line["verdict"] = most(check, mine, failures)
        elif got is None:
            line["verdict"] = "failed: " + failures.get("weft", failures.get(check.peer, "no figure")).split("\n")[0][:60]
        elif restless(mine, common(mine, peers)) or restless(peers, common(mine, peers)):
            line["verdict"] = "none: disturbed"
        elif check.extra is not None:
            more = median(mine, "cycles") - median(peers, "cycles")
            line["verdict"] = "good" if more <= check.extra else f"{more:.0f} cycles more"
        elif check.least is None:
            line["verdict"] = "for information"
        else:
            line["verdict"] = "good" if got >= check.least else f"short by {(1 - got / check.least) * 100:.0f} %"
        out.append(line)
    return out


def most(check, mine, failures):
    """The verdict where there is no peer."""
    if not mine:
        return "failed: " + failures.get("weft", "no figure").split("\n")[0][:60]
    took = median(mine, "ms")
    return "good" if took <= check.most else "none: disturbed" if restless(mine) else f"{milliseconds(took - check.most)} more"


def milliseconds(ms):
    return f"{ms:.2f} ms" if ms < 100 else f"{ms:.0f} ms"


def describe(runs):
    if not runs:
        return "-"
    if "ms" in runs[0]:
        return milliseconds(median(runs, "ms"))
    if "cycles" in runs[0]:
        return f"{median(runs, 'cycles'):.0f} cycles, {median(runs, 'mpps'):.2f} Mpps, {median(runs, 'busy') * 100:.0f} % busy"
    if "kpps" in runs[0]:
        return f"{median(runs, 'kpps'):.1f} k packets/s"
    return f"{median(runs, 'gbps'):.2f} Gbit/s"


def number(value, form="{:.2f}"):
    return "-" if value is None else value if isinstance(value, str) else form.format(value)


HEAD = ["work", "weft", "against", "it reaches", "ratio", "of Mpps", "wanted", "verdict"]


def cells(lines):
    last = None
    for line in lines:
        yield [line["row"] if line["row"] != last else "", line["weft"] if line["row"] != last else "", line["peer"],
               line["other"], number(line["ratio"]), number(line["mpps-ratio"]), number(line["wanted"]), line["verdict"]]
        last = line["row"]


def table(lines):
    """Aligned for a terminal."""
    body = [HEAD, *cells(lines)]
    widths = [max(len(r[i]) for r in body) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in body)


def markdown(lines, machine, conditions):
    body = [HEAD, ["---"] * len(HEAD), *cells(lines)]
    short = [line for line in lines if line["verdict"] not in ("good", "for information")]
    text = [f"Run of {machine['date']}, weft {machine['weft']}.", ""]
    text += [f"- {key}: {value}" for key, value in machine.items() if key not in ("date", "weft")]
    text += [f"- {key}: {value}" for key, value in conditions.items()] + [""]
    text += ["| " + " | ".join(r) + " |" for r in body] + [""]
    text += ["Where weft falls short of what is wanted, or nothing can be said:", ""] if short else ["Nothing falls short of what is wanted.", ""]
    text += [f"- {line['row']}, against {line['peer']}: {line['ratio'] and round(line['ratio'], 2)}, wanted "
             f"{number(line['wanted'])} ({line['verdict']})" for line in short]
    return "\n".join(text).rstrip() + "\n"


def write_document(path, text):
    """Puts the last run between the two markers."""
    old = path.read_text()
    begin, end = old.index(BEGIN) + len(BEGIN), old.index(END)
    path.write_text(f"{old[:begin]}\n{text}{old[end:]}")


def first_match(pattern, *argv):
    try:
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "?"


def machine_record(build, top):
    with open("/proc/cpuinfo", encoding="ascii") as f:
        cpu = re.search(r"model name\s*: (.*)", f.read())
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(re.search(r"MemTotal:\s*(\d+)", f.read()).group(1)) >> 20
    version = first_match(r"(\d[\d.]+)", build / "hostd/weftd", "--version")
    revision = first_match(r"(\S+)", "git", "-C", top, "describe", "--always", "--dirty")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "weft": f"{version} ({revision})",
        "processor": f"{os.cpu_count()} x {cpu.group(1) if cpu else '?'}, virtual",
        "memory": f"{memory} GiB", "kernel": os.uname().release,
        "Open vSwitch": first_match(r"([\d.]+)\n", "ovs-vsctl", "--version"),
        "DPDK": first_match(r"([\d.]+)", "pkg-config", "--modversion", "libdpdk"),
        "QEMU": first_match(r"version ([\d.]+)", "qemu-system-x86_64", "--version"),
        "iperf3": first_match(r"iperf ([\d.]+)", "iperf3", "--version"),
    }
