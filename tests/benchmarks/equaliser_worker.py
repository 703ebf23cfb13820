"""Our side of the benchmark: from files to rounded filters, without the folders of results."""

import json
import sys
import time

from flamo.batch import Item, batches, solve
from flamo.cli.recipes import plan
from flamo.experiment import make_experiment
from flamo.results import fitted_filters


def main(device: str, files: list[str]) -> None:
    """Filters for each file: ten free ones, or those of a device file."""
    told = {"range": "20:10000"} | ({"device": device} if device else {})
    start = time.perf_counter()
    made = plan(told, None, ())
    experiments = [make_experiment(made.config_file(file)[0].checked()) for file in files]
    read = time.perf_counter()
    for batch in batches([Item(None, experiment, experiment.least_squares()) for experiment in experiments]):
        solve(batch, lambda: False)
    sets = [fitted_filters(experiment) for experiment in experiments]
    end = time.perf_counter()
    found = [[[b.type, b.frequency, b.gain_db, b.q] for b in filters.equalizer.parts] for filters in sets]
    print(json.dumps({"seconds": end - read, "reading": read - start, "filters": found}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
