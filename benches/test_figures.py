"""What turns measured rows into verdicts, plots and predictions: run by `make test`, without a lab."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from . import model
from .apply import job, plot, table


def row(tool, nodes, rtt, run, wall, **more):
    """A measured row; its other figures grow with the nodes as `wall` does not."""
    costs = {
        "cpu_s": 0.03 + 0.002 * nodes,
        "jump_cpu_s": 0.02 + 0.005 * nodes,
        "nodes_cpu_s": 0.4 * nodes,
        "rss_mb": 24 + 0.3 * nodes,
    }
    traffic = {"handshakes": nodes + 1, "bytes": 40_000 * nodes, "load": 1.0}
    return {"tool": tool, "nodes": nodes, "rtt_ms": rtt, "run": run, "wall_s": wall} | costs | traffic | more


def exact(nodes, rtt):
    """A wall time that follows the model to the letter: 0.2 s, 12 round trips, work stretched by 1.25, on two cores."""
    return 0.2 + 12 * rtt / 1000 + 1.25 * (0.05 + 0.407 * nodes) / 2


ROWS = [
    row("portcullis", nodes, rtt, run, exact(nodes, rtt))
    for nodes in (1, 10, 50)
    for rtt in (0, 50)
    for run in ("first", "second")
]


class Verdicts(unittest.TestCase):
    """The table's ratios."""

    def test_a_ratio_is_of_the_same_size_round_trip_and_run(self):
        rows = [
            row("portcullis", 10, 0, "first", 2.0),
            row("portcullis", 10, 0, "second", 1.0),
            row("tar-ssh", 10, 0, "first", 3.0),
            row("tar-ssh", 1, 0, "first", 9.0),
        ]
        self.assertEqual([(found["wall_s"], ratio) for found, ratio in table.ratios(rows)], [(3.0, 1.5)])

    def test_a_target_is_met_from_its_ratio_on_and_is_not_set_for_a_single_node(self):
        ten, one = row("asyncssh", 10, 0, "first", 1.0), row("asyncssh", 1, 0, "first", 1.0)
        self.assertEqual([table.verdict(ten, 1.0), table.verdict(ten, 0.99), table.verdict(one, 0.5)], ["met", "not met", ""])

    def test_the_floor_is_the_least_the_servers_cost_or_the_round_trips(self):
        rows = [row("portcullis", 10, 0, "first", 9.0), row("asyncssh", 10, 0, "first", 9.0, jump_cpu_s=0.5, nodes_cpu_s=1.5)]
        self.assertEqual(table.floor(rows, rows[0], 2), 1.0)
        slow = [one | {"rtt_ms": 200} for one in rows]
        self.assertEqual(table.floor(slow, slow[0], 2), 2.0)

    def test_a_peer_that_could_not_be_installed_says_so_in_the_table(self):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            table.show([*ROWS, {"tool": "pyinfra", "nodes": 10, "rtt_ms": 0, "not_measured": "no such package"}])
        self.assertIn("not measured: no such package", printed.getvalue())

    def test_what_is_salted_may_differ_but_not_its_mode(self):
        seen = "aa  etc/portcullis/tls/site.pfx\nbb  etc/environment\nmode 0600 root etc/portcullis/tls/site.pfx\n--\netc/environment 7 8\n"
        self.assertEqual(job.wanted_of(seen), ["bb  etc/environment", "mode 0600 root etc/portcullis/tls/site.pfx"])


class Predictions(unittest.TestCase):
    """The model."""

    def test_a_run_that_follows_the_model_is_found_again(self):
        found = model.Model.of([one for one in ROWS if one["run"] == "first"], 2)
        for value, wanted in (
            (found.fixed, 0.2),
            (found.trips, 12),
            (found.stretch, 1.25),
            (found.nodes.each, 0.4),
            (found.client.base, 0.03),
        ):
            self.assertAlmostEqual(value, wanted, 6)

    def test_a_point_left_out_is_predicted_from_the_others(self):
        points = model.checked([one for one in ROWS if one["run"] == "first"], 2)
        self.assertTrue(all(abs(point["error"]) < 1e-6 for point in points))
        spoilt = [
            one | {"wall_s": 2 * one["wall_s"]} if (one["nodes"], one["rtt_ms"]) == (10, 50) else one
            for one in ROWS
            if one["run"] == "first"
        ]
        own = next(point for point in model.checked(spoilt, 2) if (point["nodes"], point["rtt_ms"]) == (10, 50))
        self.assertAlmostEqual(own["error"], -0.5, 3)

    def test_no_cost_is_below_nothing(self):
        line = model.Line.through([(1, 3.0), (10, 2.0), (50, 0.1)])
        self.assertTrue(line.base >= 0 and line.each >= 0)

    def test_more_jumphosts_share_what_one_would_carry(self):
        found = model.Model.of([one for one in ROWS if one["run"] == "first"], 2)
        one, ten = mock.Mock(jumphosts=1, cores=64, line_mbit=1e6), mock.Mock(jumphosts=10, cores=64, line_mbit=1e6)
        self.assertEqual(found.field(10_000, 0, one)[1], "jumphost CPU")
        self.assertGreater(found.field(10_000, 0, one)[0], 5 * found.field(10_000, 0, ten)[0])

    def test_too_few_points_give_a_word_and_no_prediction(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
            Path(folder, "summary.json").write_text(json.dumps(ROWS[:4]))
            with mock.patch("sys.argv", ["model", "--out", folder]):
                model.main()
            self.assertFalse(Path(folder, "model.json").exists())
        self.assertIn("the model needs", printed.getvalue())


class Plots(unittest.TestCase):
    """The SVG."""

    def test_a_plot_is_well_formed_and_has_a_line_a_contestant_and_panel(self):
        rows = ROWS + [one | {"tool": "tar-ssh"} for one in ROWS]
        text = plot.figure(plot.lines_of(rows, "wall_s"), "a < b & c", "seconds", plot.CONTESTANTS)
        drawn = ElementTree.fromstring(text)
        lines = [
            line
            for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")
            if line.get("stroke") in ("#000000", "#009e73") and len(line.get("points").split()) == 3
        ]
        self.assertEqual(len(lines), 2 * 4)

    def test_values_stand_where_their_logarithm_is(self):
        axis = plot.Axis(1, 100, 0, 200)
        self.assertEqual([round(axis.at(value)) for value in (1, 10, 100)], [0, 100, 200])

    def test_one_size_alone_can_be_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(plot.growth(ROWS[:1], Path(folder))), 3)


if __name__ == "__main__":
    unittest.main()
