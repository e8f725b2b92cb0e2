#!/usr/bin/env python3
"""compare_parts.py TCPSTALL PARTS DIR TRACE [TRACE]: is what is found in the parts what is found in the whole?

Splits each trace into PARTS, analyses part by part (of two traces: the two parts of the same number together), and compares all
findings and connections with those of the whole, but for ids and ranks. Of two traces the verdicts are compared: the
clocks of the two ends are fitted by the connections that are there, so times differ a little, and the parts may claim less. Exit status: 0 the
same, 1 not, 77 the whole cannot be analysed."""
import json
import os
import subprocess
import sys


def analyze(tcpstall, traces):
    run = subprocess.run([tcpstall, "analyze", "--json", *traces], capture_output=True, check=False)
    return (run.returncode, json.loads(run.stdout) if run.returncode < 2 else None,
            run.stderr.decode(errors="replace"))


def without_ids(thing):
    """What may differ: numbers that are given in the order of appearance, and what a copy of a file is called."""
    if isinstance(thing, dict):
        return {k: without_ids(v) for k, v in thing.items() if k not in ("id", "rank", "name")}
    if isinstance(thing, list):
        return [without_ids(item) for item in thing]
    return thing


SILENCE = "other connections were silent at the same time"


def of_connection(connection):
    """A part knows that there are other connections, not which of them had ended: it may name their silence where the
    whole does not."""
    slim = without_ids(connection)
    for finding in slim["findings"]:
        finding["not_excluded"] = [a for a in finding["not_excluded"] if not a["why"].startswith(SILENCE)]
    slim["findings"] = sorted(slim["findings"], key=lambda f: json.dumps(f, sort_keys=True))
    return slim


def verdicts(connection):
    """What does not hang on the clocks."""
    return {
        "client": connection["client"],
        "server": connection["server"],
        "packets": connection["packets"],
        "findings": sorted(([f[key] for key in ("kind", "sender", "severity", "location", "cause", "confidence",
                                                "cause_confidence")] for f in connection["findings"]), key=str),
    }


def connections(report, of):
    return sorted((json.dumps(of(c), sort_keys=True) for c in report["connections"]))


def is_only_weaker(wanted, found):
    """The same connections, and where verdicts differ those of the parts claim nothing."""
    wanted, found = [json.loads(c) for c in wanted], [json.loads(c) for c in found]
    own = {json.dumps([c["client"], c["server"], c["packets"]]): c["findings"] for c in found}
    for connection in wanted:
        findings = own.get(json.dumps([connection["client"], connection["server"], connection["packets"]]))
        if findings is None or any(f not in connection["findings"] and f[5] != "possible" for f in findings):
            return False
    return len(wanted) == len(found)


def split(tcpstall, parts, directory, number, trace):
    prefix = os.path.join(directory, f"part{number}")
    run = subprocess.run([tcpstall, "split", "-n", str(parts), "-o", prefix, trace], capture_output=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{trace}: split says {run.returncode}: {run.stderr.decode(errors='replace')}")
    return run.stdout.decode().split("\n")[:-1]


def excerpts(tcpstall, directory, traces):
    """A text that holds several captures becomes a trace for each."""
    if len(traces) > 1 or not traces[0].endswith(".txt"):
        return traces
    made = []
    while True:
        path = os.path.join(directory, f"excerpt{len(made) + 1}.pcapng")
        run = subprocess.run([tcpstall, "import", "--excerpt", str(len(made) + 1), "-w", path, traces[0]],
                             capture_output=True, check=False)
        if run.returncode != 0:
            return made if len(made) > 1 else traces
        made.append(path)


def main():
    tcpstall, parts, directory, *traces = sys.argv[1:]
    traces = excerpts(tcpstall, directory, traces)
    status, whole, said = analyze(tcpstall, traces)
    if status > 1:
        print(f"skipped: {traces[0]}: {said.strip()}")
        sys.exit(77)
    split_up = [split(tcpstall, int(parts), directory, i, trace) for i, trace in enumerate(traces)]
    found = []
    of = of_connection if len(traces) == 1 else verdicts
    if any(end["client"] != c["client"] for c in whole["connections"] for end in c["ends"]):
        print(f"skipped: {traces[0]}: addresses are translated between the ends")
        sys.exit(77)
    for files in zip(*split_up):
        status, report, said = analyze(tcpstall, files)
        if status > 1:
            sys.exit(f"{traces[0]}: {files[0]}: {said}")
        found += connections(report, of)
    wanted, found = connections(whole, of), sorted(found)
    for path in sum(split_up, []):
        os.unlink(path)
    if wanted == found or (len(traces) > 1 and is_only_weaker(wanted, found)):
        sys.exit(0)
    print(f"{traces[0]}: the parts give something else than the whole: {len(wanted)} connections, {len(found)} in the parts")
    for one, other in zip([w for w in wanted if w not in found], [f for f in found if f not in wanted]):
        a, b = json.loads(one), json.loads(other)
        for key in a:
            if a[key] != b.get(key):
                print(f"  {key}: {json.dumps(a[key])[:1500]}\n  parts: {json.dumps(b.get(key))[:1500]}")
    sys.exit(1)


main()
