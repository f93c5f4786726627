"""Check a file of a takedown log with nothing but this package: ``python -m takedown_log FILE --key PUBLIC``.

Exit code 0: it holds, and nothing is missing. 1: it does not hold. 3: it holds, and something is not proven.
"""

import argparse
import json
import sys
from pathlib import Path

from takedown_log.check import check_file
from takedown_log.report import one_line


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m takedown_log", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("file", type=Path, help="a proof, a proof that the log has only grown, or a checkpoint")
    parser.add_argument("--key", required=True, help="the log's public key: name+id+key")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint that you hold")
    parser.add_argument("--witness", action="append", default=[], help="the public key of a witness")
    parser.add_argument("--page", type=Path, help="write a page to print, of a proof")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def main() -> int:
    """Check a file, and print what it proves. Returns the exit code."""
    given = _arguments()
    try:
        checked = check_file(given.file, given.key, held=given.checkpoint, witnesses=given.witness, page=given.page)
    except ValueError as error:
        print(f"NOT VALID: {one_line(str(error))}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"Error: {one_line(str(error))}", file=sys.stderr)  # noqa: T201
        return 2
    print(json.dumps(checked.report(), indent=2) if given.json else "\n".join(checked.lines()))  # noqa: T201
    return 0 if checked.complete else 3


if __name__ == "__main__":
    sys.exit(main())
