"""`python -m training` offers the training verbs alone."""

import typer

from training.cli import register

app = typer.Typer(no_args_is_help=True)
register(app)

if __name__ == "__main__":
    app()
