"""What can go wrong with workers, told so that it helps."""

MAX_DEATHS = 2  # of workers at one item, before the work as a whole has failed
_SHOWN_CHARACTERS = 200


class PoolError(OSError):
    """The workers could not be started, or are not fit for the work."""


class ItemError(ValueError):
    """The work on one item failed; the message names the item and the fault."""


class ItemSystemError(OSError, ItemError):
    """The same where the system failed it, such as a full disk: it has that `errno`, and another try may go well."""

    def __str__(self) -> str:
        return str(self.strerror)


def item_error(item: object, error: BaseException) -> ItemError:
    """Names the item, shortened, and the fault."""
    shown = repr(item)
    shown = shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}..."
    said = f"{shown}: {type(error).__name__}: {error}"
    return ItemSystemError(error.errno, said) if isinstance(error, OSError) else ItemError(said)
