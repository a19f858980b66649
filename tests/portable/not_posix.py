"""Run the command line as on a system that is not POSIX: python not_posix.py ARGUMENTS...

What only POSIX has is taken out of the standard library before Opord is imported. Whatever needs
it then fails here as it would on Windows. `os.uname` and sockets with names stay: on this system,
other libraries ask for them where they ask Windows for something else.
"""

from __future__ import annotations

import asyncio  # noqa: F401 - at its import it takes the part for this system, which needs what is hidden
import multiprocessing  # noqa: F401 - the same
import os
import signal
import sys
from typing import Final

MODULES: Final = ("fcntl", "grp", "posix_ipc", "pwd", "pty", "resource", "syslog", "termios", "tty")

OF_OS: Final = [
    "O_ACCMODE",
    "O_ASYNC",
    "O_CLOEXEC",
    "O_DIRECT",
    "O_DIRECTORY",
    "O_DSYNC",
    "O_NOATIME",
    "O_NOCTTY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_PATH",
    "O_RSYNC",
    "O_SYNC",
    "O_TMPFILE",
    "chown",
    "chroot",
    "fchdir",
    "fchmod",
    "fchown",
    "fdatasync",
    "fork",
    "forkpty",
    "fpathconf",
    "fstatvfs",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpgrp",
    "getpriority",
    "getsid",
    "getuid",
    "killpg",
    "lchown",
    "lockf",
    "mkfifo",
    "mknod",
    "nice",
    "pathconf",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "register_at_fork",
    "sched_getaffinity",
    "sched_yield",
    "sendfile",
    "setegid",
    "seteuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setsid",
    "setuid",
    "statvfs",
    "sync",
    "sysconf",
    "tcgetpgrp",
    "ttyname",
    "wait",
    "wait3",
    "wait4",
    "waitid",
]

OF_SIGNAL: Final = [
    "SIGALRM",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
    "alarm",
    "pthread_kill",
    "pthread_sigmask",
    "setitimer",
    "sigpending",
    "sigwait",
]


def hide() -> None:
    """Take out what Windows does not have."""
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
    for module, names in ((os, OF_OS), (signal, OF_SIGNAL)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


if __name__ == "__main__":
    hide()
    from opord.cli import main

    main()
