"""Open Interpreter, driven: one model answer and its execution at a time.

What is set here has to be set before any module of Open Interpreter is imported.
"""

import os

os.environ["DISABLE_TELEMETRY"] = "true"
