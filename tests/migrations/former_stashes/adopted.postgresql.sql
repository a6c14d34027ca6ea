CREATE TABLE users (
	id SERIAL NOT NULL, 
	email VARCHAR(200), 
	PRIMARY KEY (id), 
	UNIQUE (email)
);
CREATE TABLE audit_log (
	id SERIAL NOT NULL, 
	user_id INTEGER, 
	what TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE INDEX ix_audit_log_user_id ON audit_log (user_id);
CREATE TABLE triggers (
	id SERIAL NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	type VARCHAR(20) NOT NULL, 
	source VARCHAR(50) NOT NULL, 
	event_filter TEXT, 
	action_type VARCHAR(20) NOT NULL, 
	action_payload TEXT NOT NULL, 
	agent VARCHAR(100), 
	secret VARCHAR(128) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	from_yaml BOOLEAN, 
	remote_trigger_id VARCHAR(100), 
	source_plugin VARCHAR(100), 
	created_by INTEGER, 
	created_at TIMESTAMP WITHOUT TIME ZONE, 
	updated_at TIMESTAMP WITHOUT TIME ZONE, 
	PRIMARY KEY (id), 
	UNIQUE (slug), 
	FOREIGN KEY(created_by) REFERENCES users (id)
);
CREATE TABLE trigger_executions (
	id SERIAL NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	event_data TEXT, 
	status VARCHAR(20), 
	result_summary TEXT, 
	error TEXT, 
	duration_seconds FLOAT, 
	started_at TIMESTAMP WITHOUT TIME ZONE, 
	completed_at TIMESTAMP WITHOUT TIME ZONE, 
	PRIMARY KEY (id), 
	FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE
);
INSERT INTO users (email) VALUES ('0@example.com'::VARCHAR);
INSERT INTO users (email) VALUES ('1@example.com'::VARCHAR);
INSERT INTO audit_log (user_id, what) VALUES (1::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING audit_log.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, secret, enabled, from_yaml, created_by, created_at) VALUES ( E'0 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'slug-0'::VARCHAR, 'webhook'::VARCHAR, 'github'::VARCHAR, '{}'::VARCHAR, 'skill'::VARCHAR,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss'::VARCHAR, true, false, NULL::INTEGER, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, secret, enabled, from_yaml, created_by, created_at) VALUES ( E'1 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'slug-1'::VARCHAR, 'webhook'::VARCHAR, 'github'::VARCHAR, '{}'::VARCHAR, 'skill'::VARCHAR,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss'::VARCHAR, false, false, 1::INTEGER, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, secret, enabled, from_yaml, created_by, created_at) VALUES ( E'2 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'slug-2'::VARCHAR, 'webhook'::VARCHAR, 'github'::VARCHAR, '{}'::VARCHAR, 'skill'::VARCHAR,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss'::VARCHAR, true, false, 1::INTEGER, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (1::INTEGER, NULL::VARCHAR, 'pending'::VARCHAR, 0.0, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (2::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'running'::VARCHAR, 0.14285714285714285, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (3::INTEGER, NULL::VARCHAR, 'completed'::VARCHAR, 0.2857142857142857, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (1::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'failed'::VARCHAR, 0.42857142857142855, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (2::INTEGER, NULL::VARCHAR, NULL::VARCHAR, 0.5714285714285714, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (3::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'pending'::VARCHAR, 0.7142857142857143, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (1::INTEGER, NULL::VARCHAR, 'running'::VARCHAR, 0.8571428571428571, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (2::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'completed'::VARCHAR, 1.0, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (3::INTEGER, NULL::VARCHAR, 'failed'::VARCHAR, 1.1428571428571428, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (1::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR, 1.2857142857142858, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (2::INTEGER, NULL::VARCHAR, 'pending'::VARCHAR, 1.4285714285714286, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (3::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'running'::VARCHAR, 1.5714285714285714, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (1::INTEGER, NULL::VARCHAR, 'completed'::VARCHAR, 1.7142857142857142, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (2::INTEGER,  E'🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'failed'::VARCHAR, 1.8571428571428572, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_executions (trigger_id, event_data, status, duration_seconds, started_at) VALUES (3::INTEGER, NULL::VARCHAR, NULL::VARCHAR, 2.0, '2024-02-29 23:59:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
CREATE TABLE hookonce_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT hookonce_alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE _found_0001 (
	kind TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	name TEXT NOT NULL, 
	definition TEXT
);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('table'::VARCHAR, 'triggers'::VARCHAR, 'triggers'::VARCHAR, ''::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('last_id'::VARCHAR, 'triggers'::VARCHAR, 'triggers'::VARCHAR, '3'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'id'::VARCHAR, 'INTEGER'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'name'::VARCHAR, 'VARCHAR(200)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'slug'::VARCHAR, 'VARCHAR(200)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'type'::VARCHAR, 'VARCHAR(20)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'source'::VARCHAR, 'VARCHAR(50)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'event_filter'::VARCHAR, 'TEXT'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'action_type'::VARCHAR, 'VARCHAR(20)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'action_payload'::VARCHAR, 'TEXT'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'agent'::VARCHAR, 'VARCHAR(100)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'secret'::VARCHAR, 'VARCHAR(128)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'enabled'::VARCHAR, 'BOOLEAN'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'from_yaml'::VARCHAR, 'BOOLEAN'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'remote_trigger_id'::VARCHAR, 'VARCHAR(100)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'source_plugin'::VARCHAR, 'VARCHAR(100)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'created_by'::VARCHAR, 'INTEGER'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'created_at'::VARCHAR, 'TIMESTAMP'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'triggers'::VARCHAR, 'updated_at'::VARCHAR, 'TIMESTAMP'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('index'::VARCHAR, 'triggers'::VARCHAR, 'triggers_pkey'::VARCHAR, 'CREATE UNIQUE INDEX triggers_pkey ON public.triggers USING btree (id)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('index'::VARCHAR, 'triggers'::VARCHAR, 'triggers_slug_key'::VARCHAR, 'ALTER TABLE triggers ADD CONSTRAINT triggers_slug_key UNIQUE (slug)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('table'::VARCHAR, 'trigger_executions'::VARCHAR, 'trigger_executions'::VARCHAR, ''::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('last_id'::VARCHAR, 'trigger_executions'::VARCHAR, 'trigger_executions'::VARCHAR, '15'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'id'::VARCHAR, 'INTEGER'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'trigger_id'::VARCHAR, 'INTEGER'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'event_data'::VARCHAR, 'TEXT'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'status'::VARCHAR, 'VARCHAR(20)'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'result_summary'::VARCHAR, 'TEXT'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'error'::VARCHAR, 'TEXT'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'duration_seconds'::VARCHAR, 'DOUBLE PRECISION'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'started_at'::VARCHAR, 'TIMESTAMP'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('column'::VARCHAR, 'trigger_executions'::VARCHAR, 'completed_at'::VARCHAR, 'TIMESTAMP'::VARCHAR);
INSERT INTO _found_0001 (kind, table_name, name, definition) VALUES ('index'::VARCHAR, 'trigger_executions'::VARCHAR, 'trigger_executions_pkey'::VARCHAR, 'CREATE UNIQUE INDEX trigger_executions_pkey ON public.trigger_executions USING btree (id)'::VARCHAR);
INSERT INTO hookonce_alembic_version (version_num) VALUES ('0001') RETURNING hookonce_alembic_version.version_num;
ALTER TABLE trigger_executions ADD COLUMN idempotency_key VARCHAR(255);
ALTER TABLE trigger_executions ADD COLUMN error_category VARCHAR(20);
ALTER TABLE trigger_executions ADD COLUMN last_replay_at TIMESTAMP WITHOUT TIME ZONE;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_idem_key;
CREATE INDEX CONCURRENTLY ix_trigger_executions_idem_key ON trigger_executions (idempotency_key);
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_idempotency_key;
UPDATE hookonce_alembic_version SET version_num='0002' WHERE hookonce_alembic_version.version_num = '0001';
ALTER TABLE trigger_executions ADD COLUMN attempt_count INTEGER DEFAULT 0 NOT NULL;
ALTER TABLE trigger_executions ADD COLUMN next_attempt_at TIMESTAMP WITHOUT TIME ZONE DEFAULT '1970-01-01 00:00:00';
ALTER TABLE trigger_executions ADD COLUMN lease_owner VARCHAR(100);
ALTER TABLE trigger_executions ADD COLUMN lease_expires_at TIMESTAMP WITHOUT TIME ZONE;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
CREATE INDEX CONCURRENTLY ix_trigger_executions_due ON trigger_executions (next_attempt_at, id) WHERE status IN ('pending', 'retrying');
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_leased;
CREATE INDEX CONCURRENTLY ix_trigger_executions_leased ON trigger_executions (lease_expires_at) WHERE status = 'running';
UPDATE trigger_executions SET next_attempt_at = NULL WHERE id <= 15 AND status IN ('pending', 'running', 'retrying') AND next_attempt_at = '1970-01-01 00:00:00' AND attempt_count = 0;
UPDATE hookonce_alembic_version SET version_num='0003' WHERE hookonce_alembic_version.version_num = '0002';
CREATE TABLE execution_attempts (
	id BIGSERIAL NOT NULL, 
	execution_id BIGINT NOT NULL, 
	number INTEGER NOT NULL, 
	worker VARCHAR(100) NOT NULL, 
	started_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	finished_at TIMESTAMP WITHOUT TIME ZONE, 
	outcome VARCHAR(20), 
	error TEXT, 
	error_category VARCHAR(20), 
	http_status INTEGER, 
	CONSTRAINT pk_execution_attempts PRIMARY KEY (id), 
	CONSTRAINT fk_execution_attempts_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE, 
	CONSTRAINT uq_execution_attempts_execution_id UNIQUE (execution_id, number), 
	CONSTRAINT ck_execution_attempts_outcome CHECK (outcome IN ('succeeded', 'failed', 'lost')), 
	CONSTRAINT ck_execution_attempts_finished_with_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
UPDATE hookonce_alembic_version SET version_num='0004' WHERE hookonce_alembic_version.version_num = '0003';
CREATE TABLE execution_requests (
	execution_id BIGINT NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BYTEA NOT NULL, 
	CONSTRAINT pk_execution_requests PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_requests_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0005' WHERE hookonce_alembic_version.version_num = '0004';
ALTER TABLE triggers ADD COLUMN idempotency_key_from TEXT;
ALTER TABLE triggers ADD COLUMN missing_key VARCHAR(10);
ALTER TABLE triggers ADD COLUMN tolerance_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0006' WHERE hookonce_alembic_version.version_num = '0005';
ALTER TABLE triggers ADD COLUMN previous_secret VARCHAR(255);
ALTER TABLE triggers ADD COLUMN previous_secret_expires_at TIMESTAMP WITHOUT TIME ZONE;
UPDATE hookonce_alembic_version SET version_num='0007' WHERE hookonce_alembic_version.version_num = '0006';
ALTER TABLE trigger_executions ADD COLUMN replay_of_id BIGINT;
ALTER TABLE trigger_executions ADD COLUMN chain_id BIGINT;
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem_incoming;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem_incoming ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL AND replay_of_id IS NULL;
DROP INDEX IF EXISTS uq_trigger_idem;
ALTER INDEX uq_trigger_idem_incoming RENAME TO uq_trigger_idem;
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_executions_replay_of;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_executions_replay_of ON trigger_executions (replay_of_id) WHERE replay_of_id IS NOT NULL;
UPDATE hookonce_alembic_version SET version_num='0008' WHERE hookonce_alembic_version.version_num = '0007';
ALTER TABLE triggers ADD COLUMN retry_policy TEXT;
ALTER TABLE triggers ADD COLUMN max_concurrency INTEGER;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_turn;
CREATE INDEX CONCURRENTLY ix_trigger_executions_turn ON trigger_executions (trigger_id, next_attempt_at, id) WHERE status IN ('pending', 'retrying');
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_retrying;
CREATE INDEX CONCURRENTLY ix_trigger_executions_retrying ON trigger_executions (trigger_id, id) WHERE status = 'retrying';
UPDATE hookonce_alembic_version SET version_num='0009' WHERE hookonce_alembic_version.version_num = '0008';
CREATE TABLE trigger_breakers (
	trigger_id INTEGER NOT NULL, 
	failure_count INTEGER DEFAULT 0 NOT NULL, 
	opened_at TIMESTAMP WITHOUT TIME ZONE, 
	probe_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_trigger_breakers PRIMARY KEY (trigger_id), 
	CONSTRAINT fk_trigger_breakers_trigger_id_triggers FOREIGN KEY(trigger_id) REFERENCES triggers (id) ON DELETE CASCADE, 
	CONSTRAINT ck_trigger_breakers_open_with_probe CHECK ((opened_at IS NULL) = (probe_at IS NULL))
);
UPDATE hookonce_alembic_version SET version_num='0010' WHERE hookonce_alembic_version.version_num = '0009';
ALTER TABLE trigger_executions ADD COLUMN error_reason VARCHAR(30);
ALTER TABLE execution_attempts ADD COLUMN error_reason VARCHAR(30);
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_dead;
CREATE INDEX CONCURRENTLY ix_trigger_executions_dead ON trigger_executions (id, trigger_id, error_reason) WHERE status IN ('failed', 'failed_retryable');
UPDATE hookonce_alembic_version SET version_num='0011' WHERE hookonce_alembic_version.version_num = '0010';
ALTER TABLE trigger_executions ADD COLUMN received_at TIMESTAMP WITHOUT TIME ZONE;
ALTER TABLE trigger_executions ADD COLUMN payload_digest VARCHAR(64);
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_trigger;
CREATE INDEX CONCURRENTLY ix_trigger_executions_trigger ON trigger_executions (trigger_id, id);
UPDATE hookonce_alembic_version SET version_num='0012' WHERE hookonce_alembic_version.version_num = '0011';
ALTER TABLE trigger_executions ADD COLUMN IF NOT EXISTS finished_by VARCHAR(100);
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_status;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_status CHECK (status IN ('pending', 'running', 'retrying', 'completed', 'failed', 'failed_retryable', 'replayed')) NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_status;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_finished;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_finished CHECK (((status IN ('completed', 'failed', 'failed_retryable', 'replayed')) = (completed_at IS NOT NULL)) OR id <= 14) NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_finished;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_leased;
ALTER TABLE trigger_executions ADD CONSTRAINT ck_trigger_executions_leased CHECK (lease_owner IS NULL OR status = 'running') NOT VALID;
ALTER TABLE trigger_executions VALIDATE CONSTRAINT ck_trigger_executions_leased;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
UPDATE hookonce_alembic_version SET version_num='0013' WHERE hookonce_alembic_version.version_num = '0012';
CREATE TABLE delivery_counts (
	trigger_id INTEGER NOT NULL, 
	hour TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_delivery_counts PRIMARY KEY (hour, trigger_id, outcome)
);
CREATE TABLE execution_repeats (
	execution_id BIGINT NOT NULL, 
	number BIGINT NOT NULL, 
	last_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_execution_repeats PRIMARY KEY (execution_id), 
	CONSTRAINT fk_execution_repeats_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
CREATE TABLE key_mismatches (
	execution_id BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	number BIGINT NOT NULL, 
	first_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	last_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_key_mismatches PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_key_mismatches_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0014' WHERE hookonce_alembic_version.version_num = '0013';
ALTER TABLE triggers ADD COLUMN sealed_secret TEXT;
ALTER TABLE triggers ADD COLUMN sealed_previous_secret TEXT;
UPDATE hookonce_alembic_version SET version_num='0015' WHERE hookonce_alembic_version.version_num = '0014';
CREATE TABLE hookonce_tokens (
	id SERIAL NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	created_by VARCHAR(200), 
	expires_at TIMESTAMP WITHOUT TIME ZONE, 
	last_used_at TIMESTAMP WITHOUT TIME ZONE, 
	revoked_at TIMESTAMP WITHOUT TIME ZONE, 
	CONSTRAINT pk_hookonce_tokens PRIMARY KEY (id), 
	CONSTRAINT uq_hookonce_tokens_token_hash UNIQUE (token_hash), 
	CONSTRAINT ck_hookonce_tokens_role CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE TABLE hookonce_sessions (
	session_hash VARCHAR(64) NOT NULL, 
	token_id INTEGER NOT NULL, 
	csrf_token VARCHAR(64) NOT NULL, 
	created_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	expires_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	CONSTRAINT pk_hookonce_sessions PRIMARY KEY (session_hash), 
	CONSTRAINT fk_hookonce_sessions_token_id_hookonce_tokens FOREIGN KEY(token_id) REFERENCES hookonce_tokens (id) ON DELETE CASCADE
);
CREATE TABLE hookonce_audit (
	id BIGSERIAL NOT NULL, 
	at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	actor VARCHAR(200) NOT NULL, 
	origin VARCHAR(100), 
	action VARCHAR(50) NOT NULL, 
	subject VARCHAR(100) NOT NULL, 
	before TEXT, 
	after TEXT, 
	CONSTRAINT pk_hookonce_audit PRIMARY KEY (id)
);
DROP INDEX CONCURRENTLY IF EXISTS ix_hookonce_audit_subject;
CREATE INDEX CONCURRENTLY ix_hookonce_audit_subject ON hookonce_audit (subject, id);
UPDATE hookonce_alembic_version SET version_num='0016' WHERE hookonce_alembic_version.version_num = '0015';
ALTER TABLE triggers ADD COLUMN keep_payload_seconds FLOAT;
ALTER TABLE triggers ADD COLUMN keep_rows_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0017' WHERE hookonce_alembic_version.version_num = '0016';
ALTER TABLE execution_attempts ADD COLUMN duration_seconds FLOAT;
UPDATE hookonce_alembic_version SET version_num='0018' WHERE hookonce_alembic_version.version_num = '0017';
ALTER TABLE triggers ADD COLUMN sealed_action_payload TEXT;
UPDATE hookonce_alembic_version SET version_num='0019' WHERE hookonce_alembic_version.version_num = '0018';
ALTER TABLE hookonce_audit ADD COLUMN token_id INTEGER;
UPDATE hookonce_alembic_version SET version_num='0020' WHERE hookonce_alembic_version.version_num = '0019';
CREATE TABLE mismatched_payloads (
	execution_id BIGINT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	trigger_id INTEGER NOT NULL, 
	received_at TIMESTAMP WITHOUT TIME ZONE NOT NULL, 
	event_data TEXT NOT NULL, 
	content_type TEXT, 
	headers TEXT NOT NULL, 
	body BYTEA NOT NULL, 
	CONSTRAINT pk_mismatched_payloads PRIMARY KEY (execution_id, digest), 
	CONSTRAINT fk_mismatched_payloads_execution_id_trigger_executions FOREIGN KEY(execution_id) REFERENCES trigger_executions (id) ON DELETE CASCADE
);
UPDATE hookonce_alembic_version SET version_num='0021' WHERE hookonce_alembic_version.version_num = '0020';
ALTER TABLE triggers ADD COLUMN verification TEXT;
UPDATE hookonce_alembic_version SET version_num='0022' WHERE hookonce_alembic_version.version_num = '0021';
ALTER TABLE triggers ADD COLUMN max_body_bytes INTEGER;
UPDATE hookonce_alembic_version SET version_num='0023' WHERE hookonce_alembic_version.version_num = '0022';
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (145::INTEGER, '2024-03-01 00:02:24.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'failed'::VARCHAR, 145::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (146::INTEGER, '2024-03-01 00:02:25.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'lost'::VARCHAR, 146::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (147::INTEGER, '2024-03-01 00:02:26.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'succeeded'::VARCHAR, 147::BIGINT);
INSERT INTO delivery_counts (trigger_id, hour, outcome, number) VALUES (148::INTEGER, '2024-03-01 00:02:27.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'failed'::VARCHAR, 148::BIGINT);
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:02:28.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'149 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 149::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:02:29.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'150 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 150::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after, token_id) VALUES ('2024-03-01 00:02:30.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'151 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR,  E'151 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'151 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER) RETURNING hookonce_audit.id;
INSERT INTO hookonce_audit (at, actor, action, subject) VALUES ('2024-03-01 00:02:31.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'152 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'152 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'152 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING hookonce_audit.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'153 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'viewer'::VARCHAR,  E'153 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'153 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:32.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'154 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'operator'::VARCHAR,  E'154 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'154 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:33.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at, created_by, expires_at, last_used_at, revoked_at) VALUES ( E'155 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'admin'::VARCHAR,  E'155 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:34.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_tokens (name, role, token_hash, created_at) VALUES ( E'156 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'viewer'::VARCHAR,  E'156 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:35.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING hookonce_tokens.id;
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'157 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 3::INTEGER,  E'157 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:36.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'158 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 2::INTEGER,  E'158 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:37.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'159 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 1::INTEGER,  E'159 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:38.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:38.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO hookonce_sessions (session_hash, token_id, csrf_token, created_at, expires_at) VALUES ( E'160 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 4::INTEGER,  E'160 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:39.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:39.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'event'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 1'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, false, false,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 1::INTEGER, '2024-03-01 00:02:40.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:40.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '161 🪝 it''s'::VARCHAR, 161.1,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:40.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 161::INTEGER,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 161.1, 161.1,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'161 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 161::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'webhook'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 1'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, true, true,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 2::INTEGER, '2024-03-01 00:02:41.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:41.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '162 🪝 it''s'::VARCHAR, 162.1,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:41.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 162::INTEGER,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 162.1, 162.1,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'162 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 162::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, type, source, event_filter, action_type, action_payload, agent, secret, enabled, from_yaml, remote_trigger_id, source_plugin, created_by, created_at, updated_at, idempotency_key_from, missing_key, tolerance_seconds, previous_secret, previous_secret_expires_at, retry_policy, max_concurrency, sealed_secret, sealed_previous_secret, keep_payload_seconds, keep_rows_seconds, sealed_action_payload, verification, max_body_bytes) VALUES ( E'163 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'163 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'event'::VARCHAR,  E'163 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR, NULL::VARCHAR,  E'163 🪝 it''s "odd" \\ 1'::VARCHAR,  E'163 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR,  E'163 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, false, NULL, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::INTEGER, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER) RETURNING triggers.id;
INSERT INTO triggers (name, slug, type, source, action_type, action_payload, secret, enabled) VALUES ( E'164 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'164 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'webhook'::VARCHAR,  E'164 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ;'::VARCHAR,  E'164 🪝 it''s "odd" \\ 1'::VARCHAR,  E'164 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'164 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, true) RETURNING triggers.id;
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (3::INTEGER, 165::INTEGER, '2024-03-01 00:02:44.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:44.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (2::INTEGER, 166::INTEGER, '2024-03-01 00:02:45.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:45.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at) VALUES (5::INTEGER, 167::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO trigger_breakers (trigger_id) VALUES (7::INTEGER);
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (6::INTEGER,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'running'::VARCHAR,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 169.1, '2024-03-01 00:02:48.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'permanent'::VARCHAR, '2024-03-01 00:02:48.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 169::INTEGER, '2024-03-01 00:02:48.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:48.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 169::BIGINT, 169::BIGINT,  E'169 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, '2024-03-01 00:02:48.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'169 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (5::INTEGER,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'retrying'::VARCHAR,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 170.1, '2024-03-01 00:02:49.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'transient'::VARCHAR, '2024-03-01 00:02:49.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 170::INTEGER, '2024-03-01 00:02:49.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, '2024-03-01 00:02:49.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 170::BIGINT, 170::BIGINT,  E'170 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, '2024-03-01 00:02:49.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'170 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id, event_data, status, result_summary, error, duration_seconds, started_at, completed_at, idempotency_key, error_category, last_replay_at, attempt_count, next_attempt_at, lease_owner, lease_expires_at, replay_of_id, chain_id, error_reason, received_at, payload_digest, finished_by) VALUES (4::INTEGER, NULL::VARCHAR, 'pending'::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, 171::INTEGER, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::BIGINT, NULL::BIGINT, NULL::VARCHAR, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR) RETURNING trigger_executions.id;
INSERT INTO trigger_executions (trigger_id) VALUES (3::INTEGER) RETURNING trigger_executions.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (17::BIGINT, 173::INTEGER,  E'173 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:52.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:52.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'lost'::VARCHAR,  E'173 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'permanent'::VARCHAR, 173::INTEGER,  E'173 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, 173.1) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (16::BIGINT, 174::INTEGER,  E'174 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:53.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:02:53.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, 'succeeded'::VARCHAR,  E'174 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 'transient'::VARCHAR, 174::INTEGER,  E'174 🪝 it''s "odd" \\ 100% :name
'::VARCHAR, 174.1) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at, finished_at, outcome, error, error_category, http_status, error_reason, duration_seconds) VALUES (15::BIGINT, 175::INTEGER,  E'175 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:54.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, NULL::TIMESTAMP WITHOUT TIME ZONE, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::INTEGER, NULL::VARCHAR, NULL) RETURNING execution_attempts.id;
INSERT INTO execution_attempts (execution_id, number, worker, started_at) VALUES (14::BIGINT, 176::INTEGER,  E'176 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '2024-03-01 00:02:55.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE) RETURNING execution_attempts.id;
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (13::BIGINT, 177::BIGINT, '2024-03-01 00:02:56.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (2::BIGINT, 178::BIGINT, '2024-03-01 00:02:57.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (9::BIGINT, 179::BIGINT, '2024-03-01 00:02:58.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_repeats (execution_id, number, last_at) VALUES (15::BIGINT, 180::BIGINT, '2024-03-01 00:02:59.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (9::BIGINT,  E'181 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'181 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (17::BIGINT,  E'182 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'182 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES (4::BIGINT, NULL::VARCHAR,  E'183 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
INSERT INTO execution_requests (execution_id, headers, body) VALUES (10::BIGINT,  E'184 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (5::BIGINT,  E'185 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 185::BIGINT, '2024-03-01 00:03:04.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:04.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (13::BIGINT,  E'186 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 186::BIGINT, '2024-03-01 00:03:05.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:05.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (19::BIGINT,  E'187 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 187::BIGINT, '2024-03-01 00:03:06.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:06.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO key_mismatches (execution_id, digest, number, first_at, last_at) VALUES (4::BIGINT,  E'188 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 188::BIGINT, '2024-03-01 00:03:07.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE, '2024-03-01 00:03:07.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (1::BIGINT,  E'189 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 189::INTEGER, '2024-03-01 00:03:08.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'189 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'189 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'189 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (9::BIGINT,  E'190 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 190::INTEGER, '2024-03-01 00:03:09.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'190 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'190 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'190 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, content_type, headers, body) VALUES (15::BIGINT,  E'191 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 191::INTEGER, '2024-03-01 00:03:10.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'191 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, NULL::VARCHAR,  E'191 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'::bytea);
INSERT INTO mismatched_payloads (execution_id, digest, trigger_id, received_at, event_data, headers, body) VALUES (19::BIGINT,  E'192 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, 192::INTEGER, '2024-03-01 00:03:11.123456'::timestamp::TIMESTAMP WITHOUT TIME ZONE,  E'192 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR,  E'192 🪝 it''s "odd" \\ 100% :name
line	tab ünï 日本 $$ ; --'::VARCHAR, '\x'::bytea);
UPDATE trigger_executions SET replay_of_id = 14, chain_id = 14, idempotency_key = 'old 14' WHERE id = 15;
UPDATE trigger_executions SET idempotency_key = 'old 14' WHERE id = 14;
CREATE TABLE IF NOT EXISTS _undoing_0023 ();
CREATE TABLE IF NOT EXISTS _stash_0023_triggers AS SELECT id, max_body_bytes, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0023_triggers ON _stash_0023_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0023_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0023_triggers VALUES (NEW.id, NEW.max_body_bytes, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET max_body_bytes = EXCLUDED.max_body_bytes, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0023_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0023_triggers_capture();
INSERT INTO _stash_0023_triggers SELECT id, max_body_bytes, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (max_body_bytes IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0023_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0023_triggers_capture();
ALTER TABLE triggers DROP COLUMN max_body_bytes;
DROP TABLE IF EXISTS _undoing_0023;
UPDATE hookonce_alembic_version SET version_num='0022' WHERE hookonce_alembic_version.version_num = '0023';
CREATE TABLE IF NOT EXISTS _undoing_0022 ();
CREATE TABLE IF NOT EXISTS _stash_0022_triggers AS SELECT id, verification, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0022_triggers ON _stash_0022_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0022_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0022_triggers VALUES (NEW.id, NEW.verification, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET verification = EXCLUDED.verification, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0022_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0022_triggers_capture();
INSERT INTO _stash_0022_triggers SELECT id, verification, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (verification IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0022_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0022_triggers_capture();
ALTER TABLE triggers DROP COLUMN verification;
DROP TABLE IF EXISTS _undoing_0022;
UPDATE hookonce_alembic_version SET version_num='0021' WHERE hookonce_alembic_version.version_num = '0022';
CREATE TABLE IF NOT EXISTS _undoing_0021 ();
ALTER TABLE mismatched_payloads RENAME TO _stash_0021_mismatched_payloads;
DROP TABLE IF EXISTS _undoing_0021;
UPDATE hookonce_alembic_version SET version_num='0020' WHERE hookonce_alembic_version.version_num = '0021';
CREATE TABLE IF NOT EXISTS _undoing_0020 ();
CREATE TABLE IF NOT EXISTS _stash_0020_hookonce_audit AS SELECT id, token_id FROM hookonce_audit WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0020_hookonce_audit ON _stash_0020_hookonce_audit (id);
CREATE OR REPLACE FUNCTION _stash_0020_hookonce_audit_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0020_hookonce_audit VALUES (NEW.id, NEW.token_id) ON CONFLICT (id) DO UPDATE SET token_id = EXCLUDED.token_id; RETURN NULL; END $$;
CREATE TRIGGER _stash_0020_hookonce_audit_capture AFTER INSERT OR UPDATE ON hookonce_audit FOR EACH ROW EXECUTE FUNCTION _stash_0020_hookonce_audit_capture();
INSERT INTO _stash_0020_hookonce_audit SELECT id, token_id FROM hookonce_audit WHERE id BETWEEN 1 AND 4 AND (token_id IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0020_hookonce_audit_capture ON hookonce_audit;
DROP FUNCTION IF EXISTS _stash_0020_hookonce_audit_capture();
ALTER TABLE hookonce_audit DROP COLUMN token_id;
DROP TABLE IF EXISTS _undoing_0020;
UPDATE hookonce_alembic_version SET version_num='0019' WHERE hookonce_alembic_version.version_num = '0020';
CREATE TABLE IF NOT EXISTS _undoing_0019 ();
CREATE TABLE IF NOT EXISTS _stash_0019_triggers AS SELECT id, sealed_action_payload, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0019_triggers ON _stash_0019_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0019_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0019_triggers VALUES (NEW.id, NEW.sealed_action_payload, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET sealed_action_payload = EXCLUDED.sealed_action_payload, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0019_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0019_triggers_capture();
INSERT INTO _stash_0019_triggers SELECT id, sealed_action_payload, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (sealed_action_payload IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0019_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0019_triggers_capture();
ALTER TABLE triggers DROP COLUMN sealed_action_payload;
DROP TABLE IF EXISTS _undoing_0019;
UPDATE hookonce_alembic_version SET version_num='0018' WHERE hookonce_alembic_version.version_num = '0019';
CREATE TABLE IF NOT EXISTS _undoing_0018 ();
CREATE TABLE IF NOT EXISTS _stash_0018_execution_attempts AS SELECT id, duration_seconds, execution_attempts.execution_id AS _row_execution_id, execution_attempts.number AS _row_number FROM execution_attempts WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0018_execution_attempts ON _stash_0018_execution_attempts (id);
CREATE OR REPLACE FUNCTION _stash_0018_execution_attempts_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0018_execution_attempts VALUES (NEW.id, NEW.duration_seconds, NEW.execution_id, NEW.number) ON CONFLICT (id) DO UPDATE SET duration_seconds = EXCLUDED.duration_seconds, _row_execution_id = EXCLUDED._row_execution_id, _row_number = EXCLUDED._row_number; RETURN NULL; END $$;
CREATE TRIGGER _stash_0018_execution_attempts_capture AFTER INSERT OR UPDATE ON execution_attempts FOR EACH ROW EXECUTE FUNCTION _stash_0018_execution_attempts_capture();
INSERT INTO _stash_0018_execution_attempts SELECT id, duration_seconds, execution_attempts.execution_id AS _row_execution_id, execution_attempts.number AS _row_number FROM execution_attempts WHERE id BETWEEN 1 AND 4 AND (duration_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0018_execution_attempts_capture ON execution_attempts;
DROP FUNCTION IF EXISTS _stash_0018_execution_attempts_capture();
ALTER TABLE execution_attempts DROP COLUMN duration_seconds;
DROP TABLE IF EXISTS _undoing_0018;
UPDATE hookonce_alembic_version SET version_num='0017' WHERE hookonce_alembic_version.version_num = '0018';
CREATE TABLE IF NOT EXISTS _undoing_0017 ();
CREATE TABLE IF NOT EXISTS _stash_0017_triggers AS SELECT id, keep_payload_seconds, keep_rows_seconds, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0017_triggers ON _stash_0017_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0017_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0017_triggers VALUES (NEW.id, NEW.keep_payload_seconds, NEW.keep_rows_seconds, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET keep_payload_seconds = EXCLUDED.keep_payload_seconds, keep_rows_seconds = EXCLUDED.keep_rows_seconds, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0017_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0017_triggers_capture();
INSERT INTO _stash_0017_triggers SELECT id, keep_payload_seconds, keep_rows_seconds, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (keep_payload_seconds IS DISTINCT FROM NULL OR keep_rows_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0017_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0017_triggers_capture();
ALTER TABLE triggers DROP COLUMN keep_payload_seconds;
ALTER TABLE triggers DROP COLUMN keep_rows_seconds;
DROP TABLE IF EXISTS _undoing_0017;
UPDATE hookonce_alembic_version SET version_num='0016' WHERE hookonce_alembic_version.version_num = '0017';
CREATE TABLE IF NOT EXISTS _undoing_0016 ();
ALTER TABLE hookonce_audit RENAME TO _stash_0016_hookonce_audit;
ALTER TABLE hookonce_sessions RENAME TO _stash_0016_hookonce_sessions;
ALTER TABLE hookonce_tokens RENAME TO _stash_0016_hookonce_tokens;
DROP TABLE IF EXISTS _undoing_0016;
UPDATE hookonce_alembic_version SET version_num='0015' WHERE hookonce_alembic_version.version_num = '0016';
CREATE TABLE IF NOT EXISTS _undoing_0015 ();
CREATE TABLE IF NOT EXISTS _stash_0015_triggers AS SELECT id, sealed_secret, sealed_previous_secret, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0015_triggers ON _stash_0015_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0015_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0015_triggers VALUES (NEW.id, NEW.sealed_secret, NEW.sealed_previous_secret, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET sealed_secret = EXCLUDED.sealed_secret, sealed_previous_secret = EXCLUDED.sealed_previous_secret, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0015_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0015_triggers_capture();
INSERT INTO _stash_0015_triggers SELECT id, sealed_secret, sealed_previous_secret, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (sealed_secret IS DISTINCT FROM NULL OR sealed_previous_secret IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0015_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0015_triggers_capture();
ALTER TABLE triggers DROP COLUMN sealed_secret;
ALTER TABLE triggers DROP COLUMN sealed_previous_secret;
DROP TABLE IF EXISTS _undoing_0015;
UPDATE hookonce_alembic_version SET version_num='0014' WHERE hookonce_alembic_version.version_num = '0015';
CREATE TABLE IF NOT EXISTS _undoing_0014 ();
ALTER TABLE key_mismatches RENAME TO _stash_0014_key_mismatches;
ALTER TABLE execution_repeats RENAME TO _stash_0014_execution_repeats;
ALTER TABLE delivery_counts RENAME TO _stash_0014_delivery_counts;
CREATE TABLE _stash_0014_delivery_counts_parents AS SELECT id, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id IN (SELECT trigger_id FROM _stash_0014_delivery_counts);
DROP TABLE IF EXISTS _undoing_0014;
UPDATE hookonce_alembic_version SET version_num='0013' WHERE hookonce_alembic_version.version_num = '0014';
CREATE TABLE IF NOT EXISTS _undoing_0013 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_due;
CREATE INDEX CONCURRENTLY ix_trigger_executions_due ON trigger_executions (next_attempt_at, id) WHERE status IN ('pending', 'retrying');
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_status;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_finished;
ALTER TABLE trigger_executions DROP CONSTRAINT IF EXISTS ck_trigger_executions_leased;
CREATE TABLE IF NOT EXISTS _stash_0013_trigger_executions AS SELECT id, finished_by, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0013_trigger_executions ON _stash_0013_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0013_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0013_trigger_executions VALUES (NEW.id, NEW.finished_by, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET finished_by = EXCLUDED.finished_by, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0013_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0013_trigger_executions_capture();
INSERT INTO _stash_0013_trigger_executions SELECT id, finished_by, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (finished_by IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0013_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0013_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN finished_by;
DROP TABLE IF EXISTS _undoing_0013;
UPDATE hookonce_alembic_version SET version_num='0012' WHERE hookonce_alembic_version.version_num = '0013';
CREATE TABLE IF NOT EXISTS _undoing_0012 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_trigger;
CREATE TABLE IF NOT EXISTS _stash_0012_trigger_executions AS SELECT id, received_at, payload_digest, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0012_trigger_executions ON _stash_0012_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0012_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0012_trigger_executions VALUES (NEW.id, NEW.received_at, NEW.payload_digest, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET received_at = EXCLUDED.received_at, payload_digest = EXCLUDED.payload_digest, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0012_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0012_trigger_executions_capture();
INSERT INTO _stash_0012_trigger_executions SELECT id, received_at, payload_digest, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (received_at IS DISTINCT FROM NULL OR payload_digest IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0012_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0012_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN received_at;
ALTER TABLE trigger_executions DROP COLUMN payload_digest;
DROP TABLE IF EXISTS _undoing_0012;
UPDATE hookonce_alembic_version SET version_num='0011' WHERE hookonce_alembic_version.version_num = '0012';
CREATE TABLE IF NOT EXISTS _undoing_0011 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_dead;
CREATE TABLE IF NOT EXISTS _stash_0011_execution_attempts AS SELECT id, error_reason, execution_attempts.execution_id AS _row_execution_id, execution_attempts.number AS _row_number FROM execution_attempts WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0011_execution_attempts ON _stash_0011_execution_attempts (id);
CREATE OR REPLACE FUNCTION _stash_0011_execution_attempts_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0011_execution_attempts VALUES (NEW.id, NEW.error_reason, NEW.execution_id, NEW.number) ON CONFLICT (id) DO UPDATE SET error_reason = EXCLUDED.error_reason, _row_execution_id = EXCLUDED._row_execution_id, _row_number = EXCLUDED._row_number; RETURN NULL; END $$;
CREATE TRIGGER _stash_0011_execution_attempts_capture AFTER INSERT OR UPDATE ON execution_attempts FOR EACH ROW EXECUTE FUNCTION _stash_0011_execution_attempts_capture();
INSERT INTO _stash_0011_execution_attempts SELECT id, error_reason, execution_attempts.execution_id AS _row_execution_id, execution_attempts.number AS _row_number FROM execution_attempts WHERE id BETWEEN 1 AND 4 AND (error_reason IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0011_execution_attempts_capture ON execution_attempts;
DROP FUNCTION IF EXISTS _stash_0011_execution_attempts_capture();
ALTER TABLE execution_attempts DROP COLUMN error_reason;
CREATE TABLE IF NOT EXISTS _stash_0011_trigger_executions AS SELECT id, error_reason, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0011_trigger_executions ON _stash_0011_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0011_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0011_trigger_executions VALUES (NEW.id, NEW.error_reason, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET error_reason = EXCLUDED.error_reason, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0011_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0011_trigger_executions_capture();
INSERT INTO _stash_0011_trigger_executions SELECT id, error_reason, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (error_reason IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0011_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0011_trigger_executions_capture();
ALTER TABLE trigger_executions DROP COLUMN error_reason;
DROP TABLE IF EXISTS _undoing_0011;
UPDATE hookonce_alembic_version SET version_num='0010' WHERE hookonce_alembic_version.version_num = '0011';
CREATE TABLE IF NOT EXISTS _undoing_0010 ();
ALTER TABLE trigger_breakers RENAME TO _stash_0010_trigger_breakers;
DROP TABLE IF EXISTS _undoing_0010;
UPDATE hookonce_alembic_version SET version_num='0009' WHERE hookonce_alembic_version.version_num = '0010';
CREATE TABLE IF NOT EXISTS _undoing_0009 ();
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_retrying;
DROP INDEX CONCURRENTLY IF EXISTS ix_trigger_executions_turn;
CREATE TABLE IF NOT EXISTS _stash_0009_triggers AS SELECT id, retry_policy, max_concurrency, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0009_triggers ON _stash_0009_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0009_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0009_triggers VALUES (NEW.id, NEW.retry_policy, NEW.max_concurrency, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET retry_policy = EXCLUDED.retry_policy, max_concurrency = EXCLUDED.max_concurrency, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0009_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0009_triggers_capture();
INSERT INTO _stash_0009_triggers SELECT id, retry_policy, max_concurrency, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (retry_policy IS DISTINCT FROM NULL OR max_concurrency IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0009_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0009_triggers_capture();
ALTER TABLE triggers DROP COLUMN retry_policy;
ALTER TABLE triggers DROP COLUMN max_concurrency;
DROP TABLE IF EXISTS _undoing_0009;
UPDATE hookonce_alembic_version SET version_num='0008' WHERE hookonce_alembic_version.version_num = '0009';
CREATE TABLE IF NOT EXISTS _undoing_0008 ();
DROP INDEX CONCURRENTLY IF EXISTS uq_trigger_idem_incoming;
CREATE UNIQUE INDEX CONCURRENTLY uq_trigger_idem_incoming ON trigger_executions (trigger_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
DROP INDEX IF EXISTS uq_trigger_idem;
ALTER INDEX uq_trigger_idem_incoming RENAME TO uq_trigger_idem;
CREATE TABLE IF NOT EXISTS _stash_0008_trigger_executions AS SELECT id, replay_of_id, chain_id, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0008_trigger_executions ON _stash_0008_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0008_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0008_trigger_executions VALUES (NEW.id, NEW.replay_of_id, NEW.chain_id, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET replay_of_id = EXCLUDED.replay_of_id, chain_id = EXCLUDED.chain_id, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0008_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0008_trigger_executions_capture();
INSERT INTO _stash_0008_trigger_executions SELECT id, replay_of_id, chain_id, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (replay_of_id IS DISTINCT FROM NULL OR chain_id IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0008_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0008_trigger_executions_capture();
DROP INDEX uq_trigger_executions_replay_of;
ALTER TABLE trigger_executions DROP COLUMN replay_of_id;
ALTER TABLE trigger_executions DROP COLUMN chain_id;
DROP TABLE IF EXISTS _undoing_0008;
UPDATE hookonce_alembic_version SET version_num='0007' WHERE hookonce_alembic_version.version_num = '0008';
CREATE TABLE IF NOT EXISTS _undoing_0007 ();
CREATE TABLE IF NOT EXISTS _stash_0007_triggers AS SELECT id, previous_secret, previous_secret_expires_at, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0007_triggers ON _stash_0007_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0007_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0007_triggers VALUES (NEW.id, NEW.previous_secret, NEW.previous_secret_expires_at, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET previous_secret = EXCLUDED.previous_secret, previous_secret_expires_at = EXCLUDED.previous_secret_expires_at, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0007_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0007_triggers_capture();
INSERT INTO _stash_0007_triggers SELECT id, previous_secret, previous_secret_expires_at, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (previous_secret IS DISTINCT FROM NULL OR previous_secret_expires_at IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0007_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0007_triggers_capture();
ALTER TABLE triggers DROP COLUMN previous_secret;
ALTER TABLE triggers DROP COLUMN previous_secret_expires_at;
DROP TABLE IF EXISTS _undoing_0007;
UPDATE hookonce_alembic_version SET version_num='0006' WHERE hookonce_alembic_version.version_num = '0007';
CREATE TABLE IF NOT EXISTS _undoing_0006 ();
CREATE TABLE IF NOT EXISTS _stash_0006_triggers AS SELECT id, idempotency_key_from, missing_key, tolerance_seconds, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0006_triggers ON _stash_0006_triggers (id);
CREATE OR REPLACE FUNCTION _stash_0006_triggers_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0006_triggers VALUES (NEW.id, NEW.idempotency_key_from, NEW.missing_key, NEW.tolerance_seconds, NEW.created_at, NEW.slug, encode(sha256(convert_to(CAST(NEW.secret AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET idempotency_key_from = EXCLUDED.idempotency_key_from, missing_key = EXCLUDED.missing_key, tolerance_seconds = EXCLUDED.tolerance_seconds, _row_created_at = EXCLUDED._row_created_at, _row_slug = EXCLUDED._row_slug, _row_secret = EXCLUDED._row_secret; RETURN NULL; END $$;
CREATE TRIGGER _stash_0006_triggers_capture AFTER INSERT OR UPDATE ON triggers FOR EACH ROW EXECUTE FUNCTION _stash_0006_triggers_capture();
INSERT INTO _stash_0006_triggers SELECT id, idempotency_key_from, missing_key, tolerance_seconds, triggers.created_at AS _row_created_at, triggers.slug AS _row_slug, encode(sha256(convert_to(CAST(triggers.secret AS TEXT), 'UTF8')), 'hex') AS _row_secret FROM triggers WHERE id BETWEEN 1 AND 7 AND (idempotency_key_from IS DISTINCT FROM NULL OR missing_key IS DISTINCT FROM NULL OR tolerance_seconds IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0006_triggers_capture ON triggers;
DROP FUNCTION IF EXISTS _stash_0006_triggers_capture();
ALTER TABLE triggers DROP COLUMN idempotency_key_from;
ALTER TABLE triggers DROP COLUMN missing_key;
ALTER TABLE triggers DROP COLUMN tolerance_seconds;
DROP TABLE IF EXISTS _undoing_0006;
UPDATE hookonce_alembic_version SET version_num='0005' WHERE hookonce_alembic_version.version_num = '0006';
CREATE TABLE IF NOT EXISTS _undoing_0005 ();
ALTER TABLE execution_requests RENAME TO _stash_0005_execution_requests;
DROP TABLE IF EXISTS _undoing_0005;
UPDATE hookonce_alembic_version SET version_num='0004' WHERE hookonce_alembic_version.version_num = '0005';
CREATE TABLE IF NOT EXISTS _undoing_0004 ();
ALTER TABLE execution_attempts RENAME TO _stash_0004_execution_attempts;
DROP TABLE IF EXISTS _undoing_0004;
UPDATE hookonce_alembic_version SET version_num='0003' WHERE hookonce_alembic_version.version_num = '0004';
CREATE TABLE IF NOT EXISTS _undoing_0003 ();
CREATE TABLE IF NOT EXISTS _stash_0003_trigger_executions AS SELECT id, attempt_count, next_attempt_at, lease_owner, lease_expires_at, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0003_trigger_executions ON _stash_0003_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0003_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0003_trigger_executions VALUES (NEW.id, NEW.attempt_count, NEW.next_attempt_at, NEW.lease_owner, NEW.lease_expires_at, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET attempt_count = EXCLUDED.attempt_count, next_attempt_at = EXCLUDED.next_attempt_at, lease_owner = EXCLUDED.lease_owner, lease_expires_at = EXCLUDED.lease_expires_at, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0003_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0003_trigger_executions_capture();
INSERT INTO _stash_0003_trigger_executions SELECT id, attempt_count, next_attempt_at, lease_owner, lease_expires_at, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (attempt_count IS DISTINCT FROM 0 OR next_attempt_at IS DISTINCT FROM '1970-01-01 00:00:00'::timestamp without time zone OR lease_owner IS DISTINCT FROM NULL OR lease_expires_at IS DISTINCT FROM NULL OR status IN ('pending', 'running', 'retrying')) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0003_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0003_trigger_executions_capture();
DROP INDEX ix_trigger_executions_due;
DROP INDEX ix_trigger_executions_leased;
ALTER TABLE trigger_executions DROP COLUMN attempt_count;
ALTER TABLE trigger_executions DROP COLUMN next_attempt_at;
ALTER TABLE trigger_executions DROP COLUMN lease_owner;
ALTER TABLE trigger_executions DROP COLUMN lease_expires_at;
DROP TABLE IF EXISTS _undoing_0003;
UPDATE hookonce_alembic_version SET version_num='0002' WHERE hookonce_alembic_version.version_num = '0003';
CREATE TABLE IF NOT EXISTS _undoing_0002 ();
CREATE TABLE IF NOT EXISTS _stash_0002_trigger_executions AS SELECT id, idempotency_key, error_category, last_replay_at, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WITH NO DATA;
CREATE UNIQUE INDEX IF NOT EXISTS pk_stash_0002_trigger_executions ON _stash_0002_trigger_executions (id);
CREATE OR REPLACE FUNCTION _stash_0002_trigger_executions_capture() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO _stash_0002_trigger_executions VALUES (NEW.id, NEW.idempotency_key, NEW.error_category, NEW.last_replay_at, NEW.trigger_id, NEW.started_at, encode(sha256(convert_to(CAST(NEW.event_data AS TEXT), 'UTF8')), 'hex')) ON CONFLICT (id) DO UPDATE SET idempotency_key = EXCLUDED.idempotency_key, error_category = EXCLUDED.error_category, last_replay_at = EXCLUDED.last_replay_at, _row_trigger_id = EXCLUDED._row_trigger_id, _row_started_at = EXCLUDED._row_started_at, _row_event_data = EXCLUDED._row_event_data; RETURN NULL; END $$;
CREATE TRIGGER _stash_0002_trigger_executions_capture AFTER INSERT OR UPDATE ON trigger_executions FOR EACH ROW EXECUTE FUNCTION _stash_0002_trigger_executions_capture();
INSERT INTO _stash_0002_trigger_executions SELECT id, idempotency_key, error_category, last_replay_at, trigger_executions.trigger_id AS _row_trigger_id, trigger_executions.started_at AS _row_started_at, encode(sha256(convert_to(CAST(trigger_executions.event_data AS TEXT), 'UTF8')), 'hex') AS _row_event_data FROM trigger_executions WHERE id BETWEEN 1 AND 19 AND (idempotency_key IS DISTINCT FROM NULL OR error_category IS DISTINCT FROM NULL OR last_replay_at IS DISTINCT FROM NULL OR false) ON CONFLICT DO NOTHING;
DROP TRIGGER IF EXISTS _stash_0002_trigger_executions_capture ON trigger_executions;
DROP FUNCTION IF EXISTS _stash_0002_trigger_executions_capture();
DROP INDEX ix_trigger_executions_idem_key;
DROP INDEX uq_trigger_idem;
ALTER TABLE trigger_executions DROP COLUMN idempotency_key;
ALTER TABLE trigger_executions DROP COLUMN error_category;
ALTER TABLE trigger_executions DROP COLUMN last_replay_at;
DROP TABLE IF EXISTS _undoing_0002;
UPDATE hookonce_alembic_version SET version_num='0001' WHERE hookonce_alembic_version.version_num = '0002';
CREATE TABLE IF NOT EXISTS _undoing_0001 ();
DROP TABLE _found_0001;
DROP TABLE IF EXISTS _undoing_0001;
DELETE FROM hookonce_alembic_version WHERE hookonce_alembic_version.version_num = '0001';
