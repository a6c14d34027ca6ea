"""${message}.

Why now: ...
What code of the revision before sees: ...
What it locks, and for how long per million rows: ...

Rules
- One idea a revision; schema and data apart. Frozen once merged.
- upgrade() and downgrade() are each other's inverse: no stored value is dropped, it is stashed
  (op.stash_columns, op.stash_table) and restored.
- Run again after a kill at any statement, it does the rest; upgrade() also redoes what a killed
  downgrade() of this revision has undone.
- Additive: the code of the revision before serves on this schema; a new column is nullable or has
  a default, as that code writes rows without it.
- Imports: alembic, sqlalchemy, the standard library. Nothing from app.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

% if not upgrades or "sa." in upgrades + downgrades:
import sqlalchemy as sa
% endif
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    ${downgrades if downgrades else "raise NotImplementedError"}
