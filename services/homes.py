"""What a home must hold to be served: looked at before anything is made in it."""

from retain.errors import NoModel
from retain.settings import Settings

_REMEDY = (
    "name the home that was trained (RETAIN_HOME, or --home of the command), "
    "or train one: retain train (or run scripts/demo)"
)


def require(settings: Settings) -> None:
    """There are models in ``settings.home``, and the file of its database where it is one.

    Whoever opens a database that is a file makes it, with its folder: a home whose name was
    mistyped would be there from then on, and empty.

    Raises:
        NoModel: there is nothing that could be served.
    """
    if not settings.home.is_dir():
        raise NoModel(f"nothing to serve: there is no {settings.home}", remedy=_REMEDY)
    models = settings.bentoml_home / "models"
    if not models.is_dir():
        raise NoModel(f"nothing to serve: {settings.home} holds no models", remedy=_REMEDY)
    file = settings.database_file
    if file is not None and not file.is_file():
        raise NoModel(
            f"nothing to serve: there is no database {file}",
            remedy=f"check RETAIN_DATABASE_URL, or {_REMEDY}",
        )
