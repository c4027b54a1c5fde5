"""How often a report without bias alerts, and how often a group that is treated worse is found.

    python benchmarks/bias.py --reports 1000

Every report is made the way ``lifesign evaluate`` makes it: a table of predictions, counted in shards, into a
report document; what is counted are its alerts at warning or critical. Of 1,000 unbiased reports at most 10
may alert on bias. Measured, of 1,000 unbiased reports each: 3
with 10 groups, 1 with 3, 1 with 20, none with groups of 20 to 5,000, 3 with rare attacks at an error rate of
15 %, 3 with six columns, 4 and 3 with ten samples of a subject whose errors are alike (ICC .2 and .3), 1 with
ten classes, 2 with unequal classes. Of 200 biased reports each, one group at 15 % among others at 5 % and 400
samples per group: found in 199 of 10 groups, 197 of 3, 200 of 20, 199 with six columns, 199 where only bona
fide suffer and there are 400 of them, 167 where there are 200, 200 with ten classes, 113 where each subject
gave ten samples (ICC .2), which are worth 143 per group.

Settings unlike those (``VARIED``: 2 to 20 groups, sizes of 25 to 5,000, rates of .02 to .2, 1 in 10 to 9 in
10 bona fide, crosses), of 1,000 unbiased reports each: 3, 2, 1, 1, 2 with 2 to 8 groups, 0 with 15, 5 with 20
of 45 at .2, 2 and 1 with crosses, 0 with 4 alike samples of a subject (ICC .4), 1 with 14 groups, 5 classes;
the last of them and the one with 30 samples of a subject were not run to the end. Found of 300: 299 with
crosses beside, 300 with 400 samples among groups of 60 to 3,000, 300 with 3 in 10 bona fide, 299 of 10, 294
of 3 and 300 of 20 groups.
"""

import argparse
import sys
import time

from lifesign.testing.bias_scenarios import BIASED, UNBIASED, VARIED, count_alerts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=1000, help="reports of every unbiased kind")
    parser.add_argument("--biased", type=int, default=200, help="reports of every biased kind")
    parser.add_argument("--only", default="", help="only kinds whose name holds this")
    options = parser.parse_args()
    worst = 0
    print("unbiased: reports with a bias alert")
    for scenario in (*UNBIASED, *VARIED):
        if options.only in scenario.name:
            start = time.perf_counter()
            seen = count_alerts(scenario, options.reports)
            worst = max(worst, seen["bias"])
            kinds = {kind: seen[kind] for kind in sorted(seen) if kind not in ("bias", "any", "found")}
            took = time.perf_counter() - start
            print(
                f"  {scenario.name:52} {seen['bias']:4}/{options.reports}  {kinds}  {took:.0f} s", flush=True
            )
    print("biased: reports in which the group is found")
    for scenario in BIASED:
        if options.only in scenario.name:
            seen = count_alerts(scenario, options.biased)
            print(f"  {scenario.name:52} {seen['found']:4}/{options.biased}", flush=True)
    if worst > 0.01 * options.reports:
        sys.exit(f"more than one in a hundred unbiased reports alerted: {worst} of {options.reports}")


if __name__ == "__main__":
    main()
