"""Opens and closes windows on ten nodes while programs are killed, links cut and nodes rebooted.

Done when nothing is open, nothing of windows is left on any machine, and the ledger is whole; else it fails and says what is left.
    python3 -m benches.windows.endurance [--windows 200] [--nodes 10] [--seed N]
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from .desk import Operator, window_of

OPERATORS = 3


class Endurance:
    """One run; `tally` counts what was done and what was met."""

    def __init__(self, operator, seed):
        self.operator, self.seed, self.tally = operator, seed, Counter()
        self.is_over = threading.Event()

    def window(self, number):
        """Opens one window, uses it, and closes it or leaves it to its end; some of it is killed on the way."""
        chance = random.Random(f"{self.seed}-{number}")
        nodes = chance.sample(self.operator.nodes, chance.randint(1, 3))
        length = chance.choice(["20s", "45s", "10m"])
        code, out = self.maybe_killed(chance, self.operator.opening(nodes, length), 0.25)
        self.tally[f"open: {code}"] += 1
        if code != 0:
            return
        window, _ = window_of(out)
        session = self.operator.ssh(window, nodes[0], "echo in; nohup sleep 500 >/dev/null 2>&1 & sleep 2")
        said = session.communicate()[0]
        self.tally["used" if said.startswith(b"in") else "not used"] += 1
        if chance.random() < 0.7:
            code, _ = self.maybe_killed(chance, ["access", "close", window, "--timeout", "8s"], 0.3)
            self.tally[f"close: {code}"] += 1
        else:
            self.tally["left to its end"] += 1

    def maybe_killed(self, chance, words, probability):
        """Runs the program to its end, or kills it within two seconds."""
        child = self.operator.start(*words)
        if chance.random() < probability:
            time.sleep(chance.random() * 2)
            child.kill()
        out, _ = child.communicate()
        return ("killed" if child.returncode == -9 else child.returncode), out

    def faults(self):
        """Until it is over: a link that is cut for some seconds, a reboot, the jumphost away."""
        chance = random.Random(f"{self.seed}-faults")
        while not self.is_over.wait(chance.uniform(4, 10)):
            node = chance.choice(self.operator.nodes)
            kind = chance.choices(["cut", "reboot", "jump"], [6, 3, 1])[0]
            self.tally[f"fault: {kind}"] += 1
            if kind == "reboot":
                self.operator.lab("reboot", node, check=False)
                continue
            machine = "jump" if kind == "jump" else node
            self.operator.lab("cut", machine, check=False)
            self.is_over.wait(chance.uniform(1, 6))
            self.operator.lab("heal", machine, check=False)

    def settle(self):
        """Closes everything, as the operator would; returns what is wrong after it."""
        for machine in ["jump", *self.operator.nodes]:
            self.operator.lab("heal", machine, check=False)
        deadline = time.time() + 180
        code = None
        while time.time() < deadline and code != 0:
            code, out, err = self.operator.run("access", "close", "--all")
        wrong = [] if code == 0 else [f"access close --all: exit {code}\n{out}{err}"]
        listed = json.loads(self.operator.run("access", "list", "--all", "--output", "json")[1])["windows"]
        self.tally["windows in the ledger"] = len(listed)
        wrong += [f"{window['id']} is {window['state']}" for window in listed if window["state"] != "closed"]
        for words in (["access", "list", "--live"], ["audit", "verify"]):
            code, out, err = self.operator.run(*words)
            wrong += [] if code == 0 else [f"{' '.join(words)}: exit {code}\n{out}{err}"]
        wrong += [f"{machine} has left {lines}" for machine, lines in self.operator.left().items()]
        for node in self.operator.nodes:
            if self.operator.lab("exec", node, "--", "sh", "-c", "pgrep -f '[s]leep 500' || true").strip():
                wrong.append(f"{node}: a session's job is alive")
        return wrong


def main():
    """Runs it; the exit code is 0 when nothing is wrong after it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    endurance = Endurance(Operator("endurance", arguments.nodes), arguments.seed)
    began = time.time()
    faults = threading.Thread(target=endurance.faults)
    faults.start()
    with ThreadPoolExecutor(OPERATORS) as pool:
        list(pool.map(endurance.window, range(arguments.windows)))
    endurance.is_over.set()
    faults.join()
    wrong = endurance.settle()
    for what, number in sorted(endurance.tally.items()):
        print(f"{number:6} {what}")
    print(f"{arguments.windows} windows in {time.time() - began:.0f} s: {'nothing left, the ledger is whole' if not wrong else 'WRONG'}")
    print("\n".join(wrong), end="\n" if wrong else "")
    endurance.operator.lab("down", check=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
