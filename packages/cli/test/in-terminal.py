"""Runs a command in a terminal of its own: in-terminal.py ROWS COLUMNS COMMAND…. What comes in is typed, what it shows goes out as it is.
SIGUSR1 makes the terminal half as wide."""
import fcntl, os, pty, select, signal, struct, sys, termios

rows, columns = int(sys.argv[1]), int(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    # Before the command starts, which looks at it once.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])
narrow = struct.pack("HHHH", rows, columns // 2, 0, 0)
signal.signal(signal.SIGUSR1, lambda *_: fcntl.ioctl(terminal, termios.TIOCSWINSZ, narrow))
sources = [terminal, 0]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:  # The command has ended.
            data = b""
        if not data:
            sources.remove(source)
        elif source == terminal:
            os.write(1, data)
        else:
            os.write(terminal, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
