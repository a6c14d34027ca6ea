"""Let people and programs prove who they are, and let what they change be remembered.

Why now: the API and the pages are for the operator's people alone. A token is stored as a hash,
with the role that it gives; a browser's session belongs to a token, and ends with it. Every
change leaves a row that says who, when, what, from where, and how it was before and after. The
tables carry our name: the dashboard whose database this may be has an `audit_log` of its own.
What code of the revision before sees: three tables that it does not know.
What it locks: nothing that anyone uses.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "hookonce_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(200)),
        sa.Column("expires_at", sa.DateTime()),
        sa.Column("last_used_at", sa.DateTime()),
        sa.Column("revoked_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_hookonce_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_hookonce_tokens_token_hash"),
        sa.CheckConstraint(
            "role IN ('viewer', 'operator', 'admin')", name=op.f("ck_hookonce_tokens_role")
        ),
        sqlite_autoincrement=True,
    )
    op.create_or_restore_table(
        revision,
        "hookonce_sessions",
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("csrf_token", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash", name="pk_hookonce_sessions"),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["hookonce_tokens.id"],
            name="fk_hookonce_sessions_token_id_hookonce_tokens",
            ondelete="CASCADE",
        ),
    )
    op.create_or_restore_table(
        revision,
        "hookonce_audit",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("origin", sa.String(100)),
        sa.Column("action", sa.String(50), nullable=False),
        sa.Column("subject", sa.String(100), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_hookonce_audit"),
        sqlite_autoincrement=True,
    )
    op.ensure_index("ix_hookonce_audit_subject", "hookonce_audit", ["subject", "id"])


def downgrade() -> None:
    op.stash_table(revision, "hookonce_audit")
    op.stash_table(revision, "hookonce_sessions")
    op.stash_table(revision, "hookonce_tokens")
