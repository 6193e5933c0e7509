"""An HTTP server that answers with trained models, and its pages; needs the extra `serve`."""

from grutext.serving.app import build_app
from grutext.serving.models import Models, name_folders
from grutext.serving.options import Limits, ServerOptions, read_token
from grutext.serving.server import serve
from grutext.serving.service import Service

__all__ = ["Limits", "Models", "ServerOptions", "Service", "build_app", "name_folders", "read_token", "serve"]
