"""What SQLAlchemy asks of a dialect before it tests it: what it asks of every one."""

from sqlalchemy.testing.requirements import SuiteRequirements


class Requirements(SuiteRequirements):
    pass
