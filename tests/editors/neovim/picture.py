"""A picture of Neovim for the documents: the plugin in a terminal, its screen as a page of HTML on standard output.

    picture.py NVIM PLUGIN PROGRAM REPOSITORY

PROGRAM is the server, REPOSITORY has `http-tests/Layerfile`. Run with Python and its package pyte.
"""

import fcntl
import html
import os
import pty
import select
import struct
import sys
import termios
import time

import pyte

COLUMNS, LINES = 156, 24
PLAIN = {"fg": "dadada", "bg": "1c1c1c"}
NAMED = {
    "black": "07080d", "red": "ffc0b9", "green": "b3f6c0", "brown": "fce094", "blue": "a6dbff", "magenta": "ffcaff",
    "cyan": "8cf8f7", "white": "eef1f8",
}


def page(screen):
    """The screen as HTML."""
    rows = []
    for row in range(LINES):
        cells = []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            fg = NAMED.get(cell.fg, PLAIN["fg"] if cell.fg == "default" else cell.fg)
            bg = NAMED.get(cell.bg, PLAIN["bg"] if cell.bg == "default" else cell.bg)
            if cell.reverse:
                fg, bg = bg, fg
            style = f"color:#{fg};background:#{bg}"
            style += ";font-weight:bold" if cell.bold else ""
            style += ";text-decoration:underline" if cell.underscore else ""
            cells.append(f'<span style="{style}">{html.escape(cell.data) or " "}</span>')
        rows.append("".join(cells))
    body = "\n".join(rows)
    style = f"margin:0;padding:10px;background:#{PLAIN['bg']};font:15px/1.25 'DejaVu Sans Mono',monospace"
    return f'<meta charset="utf-8"><body style="{style}"><pre style="margin:0;font:inherit">{body}</pre>'


def main():
    neovim, plugin, program, repository = sys.argv[1:]
    screen = pyte.Screen(COLUMNS, LINES)
    screen.report_device_status = lambda *_, **__: None
    stream = pyte.ByteStream(screen)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(repository)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PATH=f"{os.path.dirname(program)}:{os.environ['PATH']}")
        look = "set number signcolumn=yes termguicolors noswapfile nowrap | colorscheme habamax"
        server = "lua vim.lsp.enable('layerc'); vim.diagnostic.config({ virtual_lines = { current_line = true } })"
        setup = [f"--cmd set runtimepath^={plugin}", f"--cmd {server}", f"-c {look}"]
        os.execv(neovim, [neovim, "--clean", *(word for pair in setup for word in pair.split(" ", 1)), "http-tests/Layerfile"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    keys = [(4, "GoMEMORY 2G\x1b"), (3, ":LayercGraph\r"), (2, ":wincmd L | vertical resize 56 | wincmd p\r"), (1, "\x0c")]
    for seconds, typed in keys + [(2, "")]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    stream.feed(os.read(terminal, 65536))
                except OSError:
                    sys.exit("\n".join(screen.display))
        os.write(terminal, typed.encode())
    print(page(screen))
    os.kill(process, 9)


main()
