"""One session in a real Helix on a terminal that nobody looks at: keys in, screen out.

    session.py HX REPOSITORY

Run with Python and its package pyte, in an environment whose configuration knows Layerfiles. Prints a line for each
check; the exit code says whether all held.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

import pyte

COLUMNS, LINES = 120, 32
DEADLINE_SECONDS = 20
failures = 0


class Screen(pyte.Screen):
    """pyte's screen, deaf to questions that it doesn't know."""

    def report_device_status(self, *_, **__):
        pass


class Session:
    """Helix in a pseudo terminal, and the screen that it draws."""

    def __init__(self, program, repository, file):
        self.screen = Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(repository)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(program, [program, file])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def text(self):
        return "\n".join(self.screen.display)

    def read(self, seconds):
        """Draws what arrives; false when Helix has ended."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if ready:
            try:
                self.stream.feed(os.read(self.terminal, 65536))
            except OSError:
                return False
        return True

    def until(self, holds):
        """Waits until the screen is as it should be."""
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            if holds():
                return True
            if not self.read(0.05):
                break
        return holds()

    def type(self, keys):
        os.write(self.terminal, keys.encode())


def check(name, holds, details):
    global failures
    if holds:
        print(f"ok      {name}")
    else:
        failures += 1
        print(f"NOT OK  {name}\n{details}")


def colour_of(session, word):
    """The colour of the first character of a word on the screen."""
    for row, line in enumerate(session.screen.display):
        column = line.find(word)
        if column >= 0:
            return session.screen.buffer[row][column].fg
    return None


def main():
    program, repository = sys.argv[1:]
    session = Session(program, repository, "tests/Layerfile")
    check("the file is shown", session.until(lambda: "FROM ../base" in session.text()), session.text())
    different = lambda: colour_of(session, "FROM") != colour_of(session, "../base")
    check("the grammar colours keywords", session.until(different), session.text())
    session.type("6gg")
    told = session.until(lambda: "not a directive" in session.text())
    check("findings are shown", told, session.text())
    session.type("3gg")
    time.sleep(0.2)
    session.type(" k")
    explained = session.until(lambda: "bash command" in session.text())
    check("hover explains a keyword", explained, session.text())
    session.type("\x1b")
    session.until(lambda: "bash command" not in session.text())
    session.type(":quit!\r")
    ended = session.until(lambda: os.waitpid(session.process, os.WNOHANG)[0] == session.process)
    check("it ends", ended, session.text())
    sys.exit(min(failures, 1))


main()
