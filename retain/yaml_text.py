"""YAML read by libyaml, eight times as fast as in Python: a worker reads a dozen files to start."""

from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

try:
    from yaml._yaml import CParser
except ImportError:  # a PyYAML that was built without libyaml
    Loader: Any = yaml.SafeLoader
else:

    class _Loader(Composer, CParser, SafeConstructor, Resolver):
        """:class:`yaml.CSafeLoader`, but composed in Python, so that a subclass can look on."""

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    Loader = _Loader


def loaded(text: str) -> Any:
    """The content of one document of plain YAML: no tag makes an object.

    Raises:
        yaml.YAMLError: ``text`` is not YAML.
    """
    return Loader(text).get_single_data()
