"""Static files under names that contain their hash, with a compressed copy of each."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

STYLE_SHEETS = tuple(each for each in HashedFilesMixin.patterns if each[0] == "*.css")
# `from "./toast.js"` and `import("./slot.js")`
MODULES = ("js/*.js", ((r"""(?P<matched>(?P<before>from |import\()"(?P<url>\./[^"]+)")""", '%(before)s"%(url)s"'),))


class HashedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Names in style sheets, and those that our own modules import, become hashed names too.

    The scripts of packages are left as they are: some contain text that only looks like an import, or name source maps
    that their package does not contain.
    """

    patterns = (*STYLE_SHEETS, MODULES)
