"""The one exception that means: the user can mend this; and the one warning that means: look again before you spend hours."""


class BuildError(ValueError):
    """A build cannot start or must not finish. The first line says what (value and limit), the following ones how to mend it."""


class BuildWarning(UserWarning):
    """A build goes on, and may not be what was meant. As `BuildError`: what, then how to mend it. The manifest has it too."""
