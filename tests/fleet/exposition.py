#!/usr/bin/env python3
"""exposition.py [--openmetrics] FILE: does it keep to Prometheus' text format, or to OpenMetrics 1.0, as far as tcpstall uses them?"""
import re
import sys

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{" + LABEL + "(?:," + LABEL + r")*\})? (-?[0-9.e+-]+)$")
SUFFIX = {"counter": "_total", "info": "_info", "gauge": ""}


def check(lines, openmetrics):
    families, family, seen = {}, None, set()
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            if family in families:
                return f"{family} comes twice"
            families[family] = kind
        elif line.startswith(("# HELP ", "# UNIT ")):
            if line.split(" ")[2] != family:
                return f"not where it belongs: {line}"
            if line.startswith("# UNIT ") and not family.endswith("_" + line.split(" ")[3]):
                return f"the unit is not in the name: {line}"
        elif line == "# EOF" and openmetrics:
            continue
        else:
            match = SAMPLE.match(line)
            if match is None:
                return f"no sample: {line}"
            suffix = SUFFIX[families[family]] if openmetrics else ""
            if match[1] != family + suffix:
                return f"{match[1]} is not of {family}"
            if (match[1], match[2]) in seen:
                return f"twice: {line}"
            seen.add((match[1], match[2]))
            if families[family] == "counter" and (float(match[3]) < 0 or not match[1].endswith("_total")):
                return f"no counter: {line}"
    return None if seen else "nothing is in it"


def main():
    lines = open(sys.argv[-1], encoding="utf-8").read().split("\n")
    if lines.pop() != "":
        sys.exit("the last line has no end")
    error = check(lines, "--openmetrics" in sys.argv)
    if error:
        sys.exit(error)


main()
