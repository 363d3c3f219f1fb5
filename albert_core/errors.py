"""The one exception that means: the user can mend this."""


class AlbertError(ValueError):
    """Bad input to the core. The first line says what (value and limit), the following ones how to mend it."""
