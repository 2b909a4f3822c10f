"""Compares Fillrate's report on a run with what the server measured of the same answers.

Tokens must agree exactly. Of two clocks, the client's starts earlier and stops later, so each of
its times must be the longer one; by how much is printed.
"""

import json
import math
import sys


def nearest_rank(values, percent):
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def main(log, report_path):
    with open(report_path) as file:
        report = json.load(file)
    answered, failed = report["answered"], report["failed"]
    with open(log) as file:
        answers = [json.loads(line) for line in file if line.startswith("{")][-answered:]
    assert failed == 0 and answered == report["requests"], report["failures"]
    assert report["token_counts"] == "server"
    assert report["tokens_in"] == sum(answer["input"] for answer in answers)
    assert report["tokens_out"] == sum(answer["output"] for answer in answers)
    assert report["pieces"] == report["tokens_out"], "one token a piece"
    print(f"{answered} answers, {report['tokens_in']} tokens in, {report['tokens_out']} out: as the server counted")
    for name, ours, theirs in [
        ("first token", "time_to_first_token", "first_ms"),
        ("whole answer", "latency", "total_ms"),
    ]:
        for percent in (50, 95):
            client = report[ours][f"p{percent}_ms"]
            server = nearest_rank([answer[theirs] for answer in answers], percent)
            print(f"{name} p{percent}: client {client:.2f} ms, server {server:.2f} ms, {client - server:+.2f} ms")


if __name__ == "__main__":
    main(*sys.argv[1:])
