"""Programs that run inside the model server's container, in whatever Python its image has.

Standard library only, and nothing of this package: only the text of a program gets there.
"""

import inspect
from types import ModuleType


def program(module: ModuleType, *arguments: str) -> list[str]:
    """The command that runs a module of this folder in a container.

    Without the image's site-packages, which it does not need: that is quicker, and nothing in them
    can get in its way.
    """
    return ["python3", "-S", "-c", inspect.getsource(module), *arguments]
