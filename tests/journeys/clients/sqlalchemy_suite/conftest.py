"""SQLAlchemy's own tests of a dialect, as its plugin runs them."""

from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403
