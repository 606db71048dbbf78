"""The rows: what is done to a server, and the figures that come of it."""
import dataclasses
import signal

from servers import BenchError, Casehub

WINDOW = 256          # unanswered events of a publisher
CROWD_WINDOW = 2048   # of all publishers together, where their number grows
SUBSCRIBERS = 10
OF_ONE_CLIENT = 250   # subscriptions
RATE = 1000           # events a second of the latency rows
NARROW_EVERY = 1000
FILLERS = 8           # publishers that fill a store


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
    curves_of_peers: bool = True
    slow_peers: bool = True  # when all are asked for


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    unit: str
    more_is_better: bool
    row: str = ""  # of a point of a curve

    def is_among(self, names):
        return names is None or self.name in names or self.row in names


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
    with_peers: bool = True
    is_curve: bool = False

    def takes(self, peer, scale):
        return self.with_peers and self.name not in peer.skips and (scale.curves_of_peers or not self.is_curve)

    def figures_of(self, measured):
        known = [figure for figure in self.figures if figure.name in measured]
        return known or [dataclasses.replace(self.figures[0], name=name, row=self.name) for name in measured]


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


LATENCIES = tuple(less(f"{what}-{percentile}", "us")
                  for what in ("ack", "receive") for percentile in ("p50", "p99", "p999"))


def fan_out(bench, kind):
    with bench.running(kind, subscribers=SUBSCRIBERS) as server:
        return {"fan-out": server.drive("fan-out", seconds=bench.scale.seconds, window=WINDOW)["delivered_rate"]}


def fill(server, events):
    server.drive("publish", publishers=FILLERS, events=events, window=WINDOW)


def narrow_ones(events):
    """How many of the events that `fill` published are of the type that the narrow subscription wants."""
    return events // FILLERS // NARROW_EVERY * FILLERS


def stored(bench, kind):
    """One store after the other is filled, and then everything is asked of it that needs a full one."""
    events = bench.scale.stored
    with bench.running(kind) as server:
        before = server.disk()
        fill(server, events)
        measured = {"memory": server.memory() / 2**20, "disk": (server.disk() - before) / events}
        if not server.consumes:
            measured["read"] = server.drive("read", events=min(bench.scale.read, events))["rate"]
            measured["narrow"] = events / server.drive("read", events=narrow_ones(events), narrow=True)["seconds"]
        server.end()
        measured["start"] = server.time_to_first()
        server.end(signal.SIGKILL)
        measured["start-after-kill"] = server.time_to_first()
        server.end()
        rate = server.rebuild_rate() if kind is Casehub else None
    return {**measured, "rebuild": rate} if rate else measured


STORED = (less("memory", "MiB"), less("disk", "bytes/event"), more("read", "events/s"), more("narrow", "events/s"),
          less("start", "ms"), less("start-after-kill", "ms"), more("rebuild", "records/s"))


def short_count(count):
    return f"{count // 1000000}M" if count >= 1000000 else f"{count // 1000}k" if count >= 1000 else str(count)


def over_events(bench, kind):
    """The same store, asked again each time that it has grown. Measured over so few events that it hardly grows."""
    measured, held = {}, 0
    with bench.running(kind) as server:
        for size in bench.scale.sizes:
            fill(server, size - held)
            done = server.drive("publish", events=max(10000, min(size // 4, 200000)), window=WINDOW)
            measured[f"events-{short_count(size)}"] = done["rate"]
            held = size + done["events"]
    return measured


def over_subscriptions(bench, kind):
    measured = {}
    for count in bench.scale.subscriptions:
        with bench.running(kind, subscribers=-(-count // OF_ONE_CLIENT)) as server:
            done = server.drive("fan-out", subscriptions=count, seconds=bench.scale.seconds, window=WINDOW)
        measured[f"subscriptions-{count}"] = done["published_rate"]
    return measured


def over_connections(bench, kind):
    measured = {}
    for count in bench.scale.connections:
        with bench.running(kind) as server:
            done = server.drive("publish", publishers=count, seconds=bench.scale.seconds,
                                window=max(1, CROWD_WINDOW // count))
        measured[f"connections-{count}"] = done["rate"]
    return measured


ROWS = (
    Row("publish-1", "durable publishing, one publisher with 256 events under way", publish(1),
        (more("publish-1", "events/s"),)),
    Row("publish-8", "the same with eight publishers", publish(8), (more("publish-8", "events/s"),)),
    Row("publish-1-curve", "one publisher over tcp with CURVE", publish_with_keys(1),
        (more("publish-1-curve", "events/s"),), with_peers=False),
    Row("publish-8-curve", "eight publishers over tcp with CURVE", publish_with_keys(8),
        (more("publish-8-curve", "events/s"),), with_peers=False),
    Row("latency", "at 1,000 events/s, from the planned send time to acknowledgement and to a subscriber", latency,
        LATENCIES),
    Row("fan-out", "ten subscribers get everything while one publishes flat out", fan_out,
        (more("fan-out", "deliveries/s"),)),
    Row("stored", "what a store with a million events costs, and how it is read, started and rebuilt", stored, STORED),
    Row("events", "one publisher, by events that are stored already", over_events, (more("events", "events/s"),),
        is_curve=True),
    Row("subscriptions", "one publisher, by live subscriptions to a district of a thousand each", over_subscriptions,
        (more("subscriptions", "events/s"),), with_peers=False, is_curve=True),
    Row("connections", "publishing, by connections; 2,048 events under way in all", over_connections,
        (more("connections", "events/s"),), is_curve=True),
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
