"""AAE Playground: ``python app.py`` serves the page; GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where."""

from __future__ import annotations

from aae.ui.demo import serve

if __name__ == "__main__":
    serve()
