"""The one exception that means: the user can mend this."""


class BuildError(ValueError):
    """A build cannot start or must not finish. The first line says what (value and limit), the following ones how to mend it."""
