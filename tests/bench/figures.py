"""What was measured, and how it is shown."""
import json
import statistics


class Results:
    """Values by row, figure and server, in the order in which they came."""

    def __init__(self, wanted):
        self.wanted = wanted  # names of figures; None: all
        self.figures, self.values, self.servers = {}, {}, []

    def add(self, row, server, measured):
        if server not in self.servers:
            self.servers.append(server)
        for figure in row.figures_of(measured):
            if figure.is_among(self.wanted):
                self.figures.setdefault(figure.name, figure)
                self.values.setdefault((figure.name, server), []).append(measured[figure.name])

    def summary(self, figure, server):
        """Median, least, most; None when that server has no such figure."""
        values = self.values.get((figure.name, server))
        return values and (statistics.median(values), min(values), max(values))

    def lines(self):
        """figure, casehub's summary, then a peer and its summary and the ratio, or three times None."""
        for figure in self.figures.values():
            ours = self.summary(figure, "casehub")
            if ours is None:
                continue  # it failed, which was told
            theirs = [(peer, self.summary(figure, peer)) for peer in self.servers if peer != "casehub"]
            theirs = [(peer, summary) for peer, summary in theirs if summary]
            for peer, summary in theirs or [(None, None)]:
                yield figure, ours, peer, summary, ratio(figure, ours, summary)

    def print_json(self):
        for figure, ours, peer, theirs, better in self.lines():
            row = {"row": figure.name, "value": ours[0], "min": ours[1], "max": ours[2], "unit": figure.unit,
                   "peer": peer, "peer_value": theirs and theirs[0], "peer_min": theirs and theirs[1],
                   "peer_max": theirs and theirs[2], "ratio": better}
            print(json.dumps(row))

    def print_table(self):
        table = [("row", "unit", "casehub", "(min .. max)", "peer", "value", "(min .. max)", "ratio")]
        before = None
        for figure, ours, peer, theirs, better in self.lines():
            first = (figure.name, figure.unit, short(ours[0]), spread(ours)) if figure is not before else ("",) * 4
            last = (peer, short(theirs[0]), spread(theirs), f"{better:.2f}" if better else "-") if peer else ("",) * 4
            table.append(first + last)
            before = figure
        if not any(line[4] for line in table[1:]):
            table = [line[:4] for line in table]
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        for line in table:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        if len(table[0]) > 4:
            print("\nratio: above 1, casehub is better")


def ratio(figure, ours, theirs):
    """Above 1: casehub is better."""
    if not theirs or ours[0] <= 0 or theirs[0] <= 0:
        return None
    return round(ours[0] / theirs[0] if figure.more_is_better else theirs[0] / ours[0], 3)


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 10 or (letter == "M" and abs(value) >= size):
            return f"{value / size:.3g}{letter}"
    return f"{value:.4g}"


def spread(summary):
    return f"({short(summary[1])} .. {short(summary[2])})"
