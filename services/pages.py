"""The documentation page: Swagger UI from BentoML's own files, so that it works offline."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.responses import Response

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "swagger-initializer.js": "text/javascript",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Retain</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="./static_content/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="./static_content/swagger-ui-bundle.js"></script>
<script src="./static_content/swagger-ui-standalone-preset.js"></script>
<script src="./static_content/swagger-initializer.js"></script>
</body>
</html>
"""


def page() -> Response:
    """The page at ``/docs``; its script reads ``/docs.json``."""
    return Response(_PAGE, media_type="text/html")


def asset(name: str) -> Response | None:
    """One file of Swagger UI, or None where the page has no such file."""
    media_type = ASSETS.get(name)
    if media_type is None:
        return None
    content = _folder().joinpath(name).read_bytes()
    return Response(
        content, media_type=media_type, headers={"Cache-Control": "public, max-age=86400"}
    )


def _folder() -> Traversable:
    return files("bentoml").joinpath("_internal", "server", "static_content")
