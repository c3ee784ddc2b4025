"""The program knows its version."""

import unittest


class VersionTest(unittest.TestCase):
    """Reads the version as the program does."""

    def test_the_version_has_three_parts(self) -> None:
        """Importing the program reads its version."""
        program = __import__("app")
        self.assertEqual(len(program.VERSION.split(".")), 3)
