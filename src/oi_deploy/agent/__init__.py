"""Open Interpreter, driven: one model answer and its execution at a time.

What is set here has to be set before any module of Open Interpreter is imported.
"""

import os
import warnings

# Read when litellm is imported, which happens inside Open Interpreter before it sets this itself
# (core/llm/llm.py comes after core/utils/count_tokens.py); without it, importing fetches a price
# list from the internet.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
os.environ["DISABLE_TELEMETRY"] = "true"
# Open Interpreter uses it, so setuptools is pinned; a user can do nothing about it.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
