"""The rows: what is done to a server, and the figures that come of it."""
import dataclasses
import signal

from servers import BenchError, Casehub

WINDOW = 256          # unanswered events of a publisher
CROWD_WINDOW = 2048   # of all publishers together, where their number grows
SUBSCRIBERS = 10
RATE = 1000           # events a second of the latency rows
NARROW_EVERY = 1000


@dataclasses.dataclass(frozen=True)
class Scale:
    """How much of everything."""
    rounds: int
    seconds: float
    latency_seconds: float
    stored: int
    read: int
    sizes: tuple
    subscriptions: tuple
    connections: tuple


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    more_is_better: bool


def more(name, unit):
    return Figure(name, unit, True)


def less(name, unit):
    return Figure(name, unit, False)


@dataclasses.dataclass(frozen=True)
class Row:
    """measure(bench, kind of server) answers values by figure. A curve has the figures that its scale gives it."""
    name: str
    about: str
    measure: object
    figures: tuple
    takes: object = lambda peer: True

    def figures_of(self, measured):
        known = [figure for figure in self.figures if figure.name in measured]
        curve = self.figures[0]
        return known or [dataclasses.replace(curve, name=name) for name in measured]


def publish(publishers):
    def measure(bench, kind, **options):
        with bench.running(kind, **options) as server:
            done = server.drive("publish", publishers=publishers, seconds=bench.scale.seconds, window=WINDOW)
        return {f"publish-{publishers}{'-curve' if options else ''}": done["rate"]}
    return measure


def publish_with_keys(publishers):
    return lambda bench, kind: publish(publishers)(bench, kind, curve=True)


def latency(bench, kind):
    with bench.running(kind) as server:
        done = server.drive("latency", rate=RATE, seconds=bench.scale.latency_seconds)
    return {f"{what}-{percentile}": done[f"{what}_{percentile}"]
            for what in ("ack", "receive") for percentile in ("p50", "p99", "p999")}


LATENCIES = tuple(less(f"{what}-{percentile}", "us") for what in ("ack", "receive") for percentile in ("p50", "p99", "p999"))

ROWS = (
    Row("publish-1", "durable publishing, one publisher with 256 events under way", publish(1), (more("publish-1", "events/s"),)),
    Row("publish-8", "the same with eight publishers", publish(8), (more("publish-8", "events/s"),)),
    Row("latency", "at 1,000 events/s, from the planned send time to acknowledgement and to a subscriber", latency, LATENCIES),
)


def rows_named(names):
    """Rows, and the names of the figures that are to be shown (None: all). A name is a row's or a figure's."""
    if not names:
        return ROWS, None
    rows, wanted = [], set()
    for name in names:
        found = [row for row in ROWS if row.name == name or name in [figure.name for figure in row.figures]]
        if not found:
            raise BenchError(f"there is no row {name}; --list names them")
        row = found[0]
        wanted.update([name] if row.name != name else [figure.name for figure in row.figures])
        if row not in rows:
            rows.append(row)
    return rows, wanted
