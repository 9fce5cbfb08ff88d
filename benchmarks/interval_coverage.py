"""How often the intervals and p-values of studies are right, by the number of seeds.

Both variants draw their numbers from one distribution, so the true difference is 0. The program prints in which share
of the studies the 95 % interval misses it, and in which share the p-value claims a difference. Both should be 5 %.

    python benchmarks/interval_coverage.py --studies 4000
"""

from __future__ import annotations

import argparse

import numpy as np

from dcgan_kit.studies.statistics import LEVEL, compare

DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed (log-normal)": lambda rng, n: rng.lognormal(size=n),
    "heavy tails (Student, 3 degrees)": lambda rng, n: rng.standard_t(3, size=n),
}


def main() -> None:
    """Measure each distribution with each number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5, 6, 8, 10, 13])
    arguments = parser.parse_args()
    print(f"{'seeds':>5}  {'numbers':34} {'interval misses':>15} {'p-value claims':>15}")
    for seeds in arguments.seeds:
        for name, draw in DRAWS.items():
            rng = np.random.default_rng(0)
            found = [compare(draw(rng, seeds), draw(rng, seeds)) for _ in range(arguments.studies)]
            missed = np.mean([not one.low <= 0.0 <= one.high for one in found])
            claimed = np.mean([one.p <= LEVEL for one in found])
            print(f"{seeds:5}  {name:34} {missed:15.1%} {claimed:15.1%}", flush=True)


if __name__ == "__main__":
    main()
