"""Escapes text from outside (rows, headers, answers, file names) for a terminal or a log."""


def printable(text: object) -> str:
    r"""Escape each character of ``str(text)`` that is not printable, as in ``\n``, ``\x1b`` and ``\u202e``.

    The result stays on one line and holds no command for a terminal, no change of writing direction and no half of a
    surrogate pair (as names of files that are not UTF-8 do). Rich's markup passes: put a
    ``rich.text.Text`` into a table.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)
