"""The project's own commands, as installed beside the running Python."""

import shutil
import sysconfig


def command(name: str) -> str:
    """The path of an installed command such as ``origin``. Raises ``FileNotFoundError`` when it is not installed."""
    path = shutil.which(name, path=sysconfig.get_path("scripts"))
    if path is None:
        raise FileNotFoundError(f"{name} is not installed in this environment; './dev setup' does it")
    return path
