"""With which status a command ends for an error, so that a scheduler knows whether another try can help."""

import errno
import os

WRONG = 1
REFUSED = 3
LATER = os.EX_TEMPFAIL  # 75

_WRONG_PATH = frozenset(
    (
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR),
        *(errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.EROFS),
    )
)


def status_of(error: Exception) -> int:
    """LATER where the same work may succeed later: a full disk, a server or a worker that is gone; else WRONG."""
    return LATER if isinstance(error, OSError) and error.errno not in _WRONG_PATH else WRONG
