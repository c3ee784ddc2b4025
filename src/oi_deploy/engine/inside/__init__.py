"""Programs that run inside the model server's container, in whatever Python its image has.

Standard library only, and nothing of this package but what is here: only the text of a program, and
of the modules that it uses, gets there.
"""

import inspect
from collections.abc import Sequence
from types import ModuleType

# Makes modules of these texts, so that those after them can import them under their names.
_LOADER = """\
import sys, types
for name, text in {texts!r}:
    sys.modules[name] = types.ModuleType(name)
    exec(text, sys.modules[name].__dict__)
"""


def program(module: ModuleType, *arguments: str, uses: Sequence[ModuleType] = ()) -> list[str]:
    """The command that runs a module of this folder in a container.

    Without the image's site-packages, which it does not need: that is quicker, and nothing in them
    can get in its way.

    Args:
        module: what to run.
        arguments: its arguments.
        uses: the modules of this folder that it imports; each after those that it imports itself.
    """
    texts = [(used.__name__, inspect.getsource(used)) for used in uses]
    text = (_LOADER.format(texts=texts) if texts else "") + inspect.getsource(module)
    return ["python3", "-S", "-c", text, *arguments]
